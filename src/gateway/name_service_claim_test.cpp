// NameService: who gets a name that is free, held or reserved. (protocol 9.4)
#include <chrono>

#include <gmock/gmock.h>

#include "test/support/name_service_fixture.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class NameServiceClaim : public test::NameServiceTest {};

TEST_F(NameServiceClaim, AsksNobodyAboutANameOrKindThatCannotBe) {
    ASSERT_TRUE(login(1, "alice"));
    EXPECT_EQ(code_of(claim(1, 1, "")), Code::NameInvalid);
    EXPECT_EQ(code_of(claim(1, 2, "no.dots")), Code::NameInvalid);
    EXPECT_EQ(code_of(claim(1, 3, "www")), Code::NameReserved);
    const auto refused = run(names_.claim(1, {4}, {.name = "blog", .kind = "carrier-pigeon"}));
    EXPECT_EQ(code_of(refused), Code::KindUnsupported);
    EXPECT_THAT(text_of(refused), HasSubstr("kind"));
    EXPECT_EQ(plugs_.authorized, 0);
}

TEST_F(NameServiceClaim, HandsOnWhatTheAuthenticatorRefuses) {
    ASSERT_TRUE(login(1, "alice"));
    for (const Code code : {Code::NameNotAllowed, Code::Undecided, Code::TryLater}) {
        plugs_.name_refusal = auth::Refusal{.code = code, .text = "why"};
        EXPECT_EQ(code_of(claim(1, 1, "blog")), code);
    }
    plugs_.name_refusal.reset();
    EXPECT_TRUE(claim(1, 2, "blog"));
}

TEST_F(NameServiceClaim, SaysWhichQuestionsComeWithTheLogin) {
    plugs_.ask_again = Clock::now() + 1s;
    ASSERT_TRUE(login(1, "alice"));
    ASSERT_TRUE(run(names_.claim(1, {1}, {.name = "blog"}, Moment::AtLogin)));
    ASSERT_TRUE(claim(1, 2, "shop"));
    EXPECT_THAT(plugs_.at_login, ElementsAre(true, false));
    tend(2s);  // the names are asked about again
    EXPECT_THAT(plugs_.at_login, ElementsAre(true, false, false, false));
}

TEST_F(NameServiceClaim, RefusesSessionsThatAreNotLoggedIn) {
    EXPECT_EQ(code_of(claim(1, 1, "blog")), Code::Unknown);
    ASSERT_TRUE(login(1, "alice"));
    names_.leave(1);
    EXPECT_EQ(code_of(claim(1, 1, "blog")), Code::Unknown);
}

TEST_F(NameServiceClaim, RefusesTheNewcomerWhileTheHolderIsAlive) {
    two_agents_of_alice();
    const auto refused = claim(2, 1, "blog");
    EXPECT_EQ(code_of(refused), Code::NameInUse);
    // who, from where, since when, and the two ways out
    EXPECT_THAT(text_of(refused), HasSubstr("agent 01010101 at 192.0.2.1:1"));
    EXPECT_THAT(text_of(refused), testing::ContainsRegex("since 20[0-9-]+T[0-9:]+Z"));
    EXPECT_THAT(text_of(refused), HasSubstr("stop that one"));
    EXPECT_THAT(text_of(refused), HasSubstr("--takeover"));
    EXPECT_EQ(session(1).probes, 1);
    EXPECT_TRUE(session(1).lost.empty());
    EXPECT_TRUE(session(1).ended.empty());
    EXPECT_TRUE(publish(1, 1));
}

TEST_F(NameServiceClaim, GivesTheNameOfASilentHolderToTheNewcomer) {
    two_agents_of_alice();
    ASSERT_TRUE(claim(1, 2, "shop"));
    ASSERT_TRUE(publish(1, 2));
    session(1).is_alive = false;
    const auto claimed = claim(2, 1, "blog");
    ASSERT_TRUE(claimed) << text_of(claimed);
    ASSERT_EQ(session(1).lost.size(), 1U) << "the other name may be had again";
    EXPECT_EQ(session(1).lost.at(1).code, Code::Replaced);
    EXPECT_THAT(session(1).lost.at(1).text, HasSubstr("agent 02020202 at 192.0.2.2:1"));
    ASSERT_EQ(session(1).ended.size(), 1U);
    EXPECT_EQ(session(1).ended[0].code, Code::TryLater);
    EXPECT_EQ(plugs_.published, std::set<std::string>{"shop 2"}) << "it waits for its identity";
    EXPECT_TRUE(claim(2, 2, "shop"));
    EXPECT_EQ(session(1).probes, 1);
    EXPECT_EQ(names_.session_count(), 1U);
}

TEST_F(NameServiceClaim, GivesTheNameOfAHolderThatIsGoneToTheNewcomer) {
    two_agents_of_alice();
    destroy(1);
    EXPECT_TRUE(claim(2, 1, "blog"));
}

TEST_F(NameServiceClaim, TakeoverTakesOneNameOfALiveHolder) {
    two_agents_of_alice();
    ASSERT_TRUE(claim(1, 2, "shop"));
    const auto claimed = claim(2, 1, "blog", true);
    ASSERT_TRUE(claimed) << text_of(claimed);
    ASSERT_EQ(session(1).lost.size(), 1U);
    ASSERT_TRUE(session(1).lost.contains(1));
    EXPECT_EQ(session(1).lost.at(1).code, Code::Replaced);
    EXPECT_THAT(session(1).lost.at(1).text, HasSubstr("replaced by agent 02020202 at 192.0.2.2:1"));
    EXPECT_TRUE(session(1).ended.empty());
    EXPECT_EQ(code_of(publish(1, 1)), Code::Unknown);
    EXPECT_TRUE(publish(1, 2));
    EXPECT_TRUE(publish(2, 1));
}

TEST_F(NameServiceClaim, RaisesTheGenerationForTheSameOwnerToo) {
    two_agents_of_alice();
    const auto before = claim(1, 2, "shop");
    const auto after = claim(2, 1, "shop", true);
    ASSERT_TRUE(before && after);
    EXPECT_LT(before->generation, after->generation);
}

TEST_F(NameServiceClaim, RefusesAnotherIdentityWithoutAskingTheHolder) {
    two_agents_of_alice();
    ASSERT_TRUE(login(3, "bob"));
    EXPECT_EQ(code_of(claim(3, 1, "blog")), Code::NameTaken);
    EXPECT_EQ(code_of(claim(3, 2, "blog", true)), Code::NameTaken);
    EXPECT_EQ(session(1).probes, 0);
    names_.leave(1);
    EXPECT_EQ(code_of(claim(3, 3, "blog", true)), Code::NameTaken) << "it is reserved";
    EXPECT_TRUE(claim(2, 1, "blog"));
}

TEST_F(NameServiceClaim, FreesNamesThatAreNotReserved) {
    ASSERT_TRUE(login(1, "local"));
    const auto first = claim(1, 1, "blog");
    ASSERT_TRUE(first);
    names_.leave(1);
    ASSERT_TRUE(login(2, "bob"));
    const auto second = claim(2, 1, "blog");
    ASSERT_TRUE(second) << text_of(second);
    EXPECT_GT(second->generation, first->generation);
}

TEST_F(NameServiceClaim, RefusesTheSameNameTwiceInASession) {
    two_agents_of_alice();
    EXPECT_EQ(code_of(claim(1, 2, "blog")), Code::NameInUse);
    EXPECT_EQ(code_of(claim(1, 3, "blog", true)), Code::NameInUse);
    EXPECT_EQ(session(1).probes, 0);
    EXPECT_TRUE(publish(1, 1));
}

TEST_F(NameServiceClaim, PutsOffAClaimWhileAnotherIsDecided) {
    ASSERT_TRUE(login(1, "alice"));
    ASSERT_TRUE(login(2, "bob"));
    std::optional<std::expected<Claim, wire::Refusal>> other;
    plugs_.during_authorize = [&]() -> net::Awaitable<void> {
        auto claiming = names_.claim(2, {1}, {.name = "blog"});
        other = co_await std::move(claiming);
    };
    EXPECT_TRUE(claim(1, 1, "blog"));
    ASSERT_TRUE(other.has_value());
    EXPECT_EQ(code_of(*other), Code::TryLater);
    EXPECT_GT(other->error().retry_ms, 0U);
    EXPECT_EQ(code_of(claim(2, 2, "blog")), Code::NameTaken) << "decided now";
}

TEST_F(NameServiceClaim, ClaimsNothingForASessionThatWentMeanwhile) {
    ASSERT_TRUE(login(1, "alice"));
    plugs_.during_authorize = [&]() -> net::Awaitable<void> {
        names_.leave(1);
        co_return;
    };
    EXPECT_EQ(code_of(claim(1, 1, "blog")), Code::Unknown);
    ASSERT_TRUE(login(2, "bob"));
    EXPECT_TRUE(claim(2, 1, "blog")) << "nobody holds or has reserved it";
}

TEST_F(NameServiceClaim, SurvivesThatTheNewcomerToAHeldNameWentMeanwhile) {
    two_agents_of_alice();
    plugs_.during_authorize = [&]() -> net::Awaitable<void> {
        names_.leave(2);
        co_return;
    };
    EXPECT_EQ(code_of(claim(2, 1, "blog")), Code::Unknown);
    EXPECT_EQ(session(1).probes, 0);
    EXPECT_TRUE(publish(1, 1));
}

TEST_F(NameServiceClaim, TakesNothingAwayForANewcomerThatWentDuringTheProbe) {
    for (const bool holder_alive : {true, false}) {
        ASSERT_TRUE(login(1, "alice", 1));
        ASSERT_TRUE(login(2, "alice", 2));
        ASSERT_TRUE(claim(1, 1, "blog"));
        session(1).is_alive = holder_alive;
        session(1).during_probe = [&]() -> net::Awaitable<void> {
            names_.leave(2);
            co_return;
        };
        EXPECT_EQ(code_of(claim(2, 1, "blog", true)), Code::Unknown);
        EXPECT_TRUE(session(1).lost.empty());
        EXPECT_TRUE(session(1).ended.empty());
        EXPECT_TRUE(publish(1, 1));
        names_.leave(1);
    }
}

TEST_F(NameServiceClaim, GivesTheNameWhenItsHolderWentDuringTheProbe) {
    two_agents_of_alice();
    session(1).during_probe = [&]() -> net::Awaitable<void> {
        names_.leave(1);
        co_return;
    };
    EXPECT_TRUE(claim(2, 1, "blog"));
    EXPECT_TRUE(session(1).lost.empty());
    EXPECT_TRUE(session(1).ended.empty());
}

TEST_F(NameServiceClaim, GivesTheNameWhenItsHolderGaveItUpDuringTheProbe) {
    two_agents_of_alice();
    session(1).during_probe = [&]() -> net::Awaitable<void> {
        names_.release(1, {1});
        co_return;
    };
    EXPECT_TRUE(claim(2, 1, "blog"));
    EXPECT_TRUE(session(1).lost.empty());
}

TEST_F(NameServiceClaim, LeavesTheNameFreeWhenTheNewcomerWentWhileTheHolderWasTold) {
    for (const bool holder_alive : {true, false}) {
        ASSERT_TRUE(login(1, "alice", 1));
        ASSERT_TRUE(login(2, "alice", 2));
        ASSERT_TRUE(claim(1, 1, "blog"));
        session(1).is_alive = holder_alive;
        session(1).during_end = [&]() -> net::Awaitable<void> {
            names_.leave(2);
            co_return;
        };
        EXPECT_EQ(code_of(claim(2, 1, "blog", true)), Code::Unknown);
        ASSERT_TRUE(login(3, "alice", 3));
        EXPECT_TRUE(claim(3, 1, "blog"));
        EXPECT_EQ(session(1).probes, 1);
        names_.leave(3);
        names_.leave(1);
        destroy(1);
    }
}

TEST_F(NameServiceClaim, BoundsTheNamesOfAnIdentity) {
    ASSERT_TRUE(login(1, "alice"));
    for (std::uint32_t i = 1; i <= kMaxNames; ++i) {
        ASSERT_TRUE(claim(1, i, fmt::format("name{}", i)));
    }
    EXPECT_EQ(code_of(claim(1, kMaxNames + 1, "more")), Code::TooManyNames);
    names_.leave(1);
    ASSERT_TRUE(login(2, "alice"));
    EXPECT_EQ(code_of(claim(2, 1, "more")), Code::TooManyNames) << "reserved ones count";
    EXPECT_TRUE(claim(2, 2, "name1"));
}

}  // namespace
}  // namespace diglett::gateway
