// NameService: authenticators are asked again, and may outrank leases. (protocol 9.4, 9.7)
#include <chrono>

#include <gmock/gmock.h>

#include "gateway/limits.hpp"
#include "test/support/name_service_fixture.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const auth::Refusal kNo{.code = wire::RefusalCode::NameNotAllowed, .text = "it was sold"};

class NameServiceRecheck : public test::NameServiceTest {
  protected:
    /// Names of alice, asked about again after 10 minutes at the latest.
    void serve_of_alice(const std::vector<std::string>& names) {
        plugs_.ask_again = Clock::now() + 10min;
        ASSERT_TRUE(login(1, "alice", 1));
        std::uint32_t registration = 0;
        for (const auto& name : names) {
            ASSERT_TRUE(serve(1, ++registration, name));
        }
        plugs_.asked.clear();
    }
};

TEST_F(NameServiceRecheck, AsksWhenTheAuthenticatorSaid) {
    serve_of_alice({"blog"});
    tend(4min);
    EXPECT_THAT(plugs_.asked, IsEmpty()) << "not in the first half of the interval";
    plugs_.ask_again = Clock::now() + 20min;
    tend(10min);
    EXPECT_THAT(plugs_.asked, ElementsAre("tokens:alice blog"));
    tend(9min);
    EXPECT_EQ(plugs_.asked.size(), 1U) << "not before the next time";
    tend(20min);
    EXPECT_EQ(plugs_.asked.size(), 2U);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
}

TEST_F(NameServiceRecheck, AsksNeverWhenNobodySaidSo) {
    ASSERT_TRUE(login(1, "alice", 1));
    ASSERT_TRUE(serve(1, 1, "blog"));
    tend(24h * 365);
    EXPECT_EQ(plugs_.asked.size(), 1U);
}

TEST_F(NameServiceRecheck, APositiveNoEndsThatRegistrationAlone) {
    serve_of_alice({"blog", "shop"});
    plugs_.name_refusals.emplace("shop", kNo);
    tend(10min);
    ASSERT_EQ(session(1).lost.size(), 1U);
    EXPECT_EQ(session(1).lost.at(2).code, Code::Revoked);
    EXPECT_EQ(session(1).lost.at(2).text, "it was sold");
    EXPECT_TRUE(session(1).ended.empty());
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
}

TEST_F(NameServiceRecheck, GoAwayComesWithTheLast) {
    serve_of_alice({"blog", "shop"});
    names_.release(1, {2});
    plugs_.name_refusal = kNo;
    tend(10min);
    ASSERT_EQ(session(1).lost.size(), 1U);
    EXPECT_EQ(session(1).lost.at(1).code, Code::Revoked);
    ASSERT_EQ(session(1).ended.size(), 1U);
    EXPECT_EQ(session(1).ended[0].code, Code::Revoked);
    EXPECT_THAT(plugs_.published, IsEmpty());
    EXPECT_EQ(log_.count("name 'blog' is revoked from tokens:alice: it was sold"), 1U);
    ASSERT_TRUE(login(2, "bob"));
    plugs_.name_refusal.reset();
    EXPECT_EQ(code_of(claim(2, 1, "blog")), Code::NameTaken) << "the reservation is another's say";
}

TEST_F(NameServiceRecheck, ARefusalOfTheCredentialEndsTheSession) {
    serve_of_alice({"blog", "shop"});
    plugs_.name_refusal =
        auth::Refusal{.code = Code::Credential, .text = "another account", .ends_identity = true};
    tend(10min);
    EXPECT_TRUE(session(1).lost.empty());
    ASSERT_EQ(session(1).ended.size(), 1U);
    EXPECT_EQ(session(1).ended[0].code, Code::Revoked);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

TEST_F(NameServiceRecheck, WhatCannotBeDecidedEndsNothingAndIsAskedAgainSoon) {
    for (const Code code : {Code::Undecided, Code::TryLater, Code::Expired}) {
        serve_of_alice({"blog"});
        plugs_.name_refusal = auth::Refusal{.code = code, .text = "the node is down"};
        tend(10min);
        EXPECT_EQ(plugs_.asked.size(), 1U);
        tend(4s);
        EXPECT_EQ(plugs_.asked.size(), 1U);
        tend(6s);
        EXPECT_EQ(plugs_.asked.size(), 2U);
        EXPECT_TRUE(session(1).lost.empty() && session(1).ended.empty());
        EXPECT_EQ(plugs_.published.size(), 1U);
        plugs_.name_refusal.reset();
        names_.leave(1);
    }
}

TEST_F(NameServiceRecheck, ALostNameIsAskedAboutToo) {
    plugs_.ask_again = Clock::now() + 10s;
    ASSERT_TRUE(login(1, "alice", 1));
    ASSERT_TRUE(serve(1, 1, "blog"));
    names_.leave(1);
    plugs_.name_refusal = kNo;
    tend(10s);
    EXPECT_THAT(plugs_.published, IsEmpty());
    EXPECT_TRUE(session(1).lost.empty());
}

TEST_F(NameServiceRecheck, BoundsTheQuestionsAtOnce) {
    plugs_.ask_again = Clock::now() + 10min;
    std::uint32_t names = 0;
    for (SessionNumber number = 1; number <= 6; ++number) {
        ASSERT_TRUE(login(number, fmt::format("user{}", number)));
        for (std::uint32_t i = 1; i <= kMaxNames; ++i) {
            ASSERT_TRUE(serve(number, i, fmt::format("name{}", ++names)));
        }
    }
    ASSERT_GT(names, kMaxRechecks);
    plugs_.asked.clear();
    plugs_.ask_again = Clock::now() + 24h;
    names_.tend(Clock::now() + 10min);
    EXPECT_EQ(names_.tasks().size(), kMaxRechecks);
    tend(10min);
    EXPECT_EQ(plugs_.asked.size(), kMaxRechecks);
    tend(10min);
    EXPECT_EQ(plugs_.asked.size(), names);
}

TEST_F(NameServiceRecheck, DoesNothingToANameThatChangedHandsMeanwhile) {
    serve_of_alice({"blog"});
    ASSERT_TRUE(login(2, "alice", 2));
    plugs_.identity_refusals.emplace("tokens:alice", kNo);
    plugs_.during_authorize = [&]() -> net::Awaitable<void> {
        plugs_.identity_refusals.clear();
        auto claiming = names_.claim(2, {1}, {.name = "blog", .takeover = true});
        std::ignore = co_await std::move(claiming);
        plugs_.identity_refusals.emplace("tokens:alice", kNo);
    };
    tend(10min);
    plugs_.identity_refusals.clear();
    EXPECT_TRUE(session(2).lost.empty() && session(2).ended.empty());
    EXPECT_TRUE(publish(2, 1));
}

TEST_F(NameServiceRecheck, LooksAfterNamesByItself) {
    names_.start();
    plugs_.ask_again = Clock::now() + 40ms;
    ASSERT_TRUE(login(1, "alice", 1));
    ASSERT_TRUE(serve(1, 1, "blog"));
    plugs_.name_refusal = kNo;
    const TimePoint end = Clock::now() + 20s;
    while (session(1).ended.empty() && Clock::now() < end) {
        context_.restart();
        context_.run_one_for(10ms);
    }
    EXPECT_EQ(session(1).lost.size(), 1U);
    EXPECT_LT(Clock::now(), end);
}

class NameServiceOutranking : public test::NameServiceTest {
  protected:
    void SetUp() override {
        plugs_.outranks = true;
        ASSERT_TRUE(login(1, "alice", 1));
        ASSERT_TRUE(login(2, "bob", 2));
        ASSERT_TRUE(serve(1, 1, "blog"));
    }

    void sell() { plugs_.identity_refusals.emplace("tokens:alice", kNo); }
};

TEST_F(NameServiceOutranking, TheHolderIsAskedAboutAndLosesTheNameToTheNewcomer) {
    sell();
    const auto claimed = claim(2, 1, "blog");
    ASSERT_TRUE(claimed) << text_of(claimed);
    EXPECT_EQ(session(1).lost.at(1).code, Code::Revoked);
    EXPECT_EQ(session(1).ended.size(), 1U) << "it was its last";
    EXPECT_EQ(session(1).probes, 0);
    ASSERT_TRUE(publish(2, 1));
    EXPECT_THAT(plugs_.history, ElementsAre("+blog 1", "-blog 1", "+blog 2"));
}

TEST_F(NameServiceOutranking, TheNewcomerWaitsWhileTheHolderMayHaveIt) {
    for (const auto& answer :
         {std::optional<auth::Refusal>(),
          std::optional(auth::Refusal{.code = Code::Undecided, .text = "down"})}) {
        if (answer) {
            plugs_.identity_refusals.emplace("tokens:alice", *answer);
        }
        const auto refused = claim(2, 1, "blog");
        EXPECT_EQ(code_of(refused), Code::TryLater);
        EXPECT_GT(refused.error().retry_ms, 0U);
    }
    EXPECT_TRUE(session(1).lost.empty());
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
}

TEST_F(NameServiceOutranking, ADetachedOrReservedNameGoesToItsNewOwnerToo) {
    names_.leave(1);
    EXPECT_EQ(code_of(claim(2, 1, "blog")), Code::TryLater);
    sell();
    EXPECT_TRUE(serve(2, 1, "blog"));
    EXPECT_THAT(plugs_.published, ElementsAre("blog 2"));
}

/// Hears nothing of deadlines, and of being cancelled.
net::Awaitable<void> never_answer() {
    auto disabling = net::asio::this_coro::reset_cancellation_state(
        net::asio::disable_cancellation(), net::asio::disable_cancellation());
    (void)co_await std::move(disabling);
    net::asio::steady_timer timer(co_await net::asio::this_coro::executor, 1h);
    (void)co_await timer.async_wait(net::kAwait);
}

TEST_F(NameServiceOutranking, AnAuthenticatorThatNeverAnswersBlocksNoReservedName) {
    names_.release(1, {1});
    plugs_.during_authorize = [this]() -> net::Awaitable<void> {  // about bob
        plugs_.during_authorize = never_answer;                   // about alice
        co_return;
    };
    const auto began = Clock::now();
    EXPECT_EQ(code_of(claim(2, 1, "blog")), Code::TryLater);
    EXPECT_LT(Clock::now() - began, 10s);
    sell();
    EXPECT_TRUE(serve(2, 2, "blog")) << "the name can be claimed again";
}

TEST_F(NameServiceOutranking, APositiveNoLeavesNoReservation) {
    plugs_.ask_again = Clock::now() + 1min;
    ASSERT_TRUE(serve(1, 2, "shop"));
    sell();
    tend(1min);
    EXPECT_EQ(session(1).lost.size(), 1U);
    plugs_.outranks = false;
    EXPECT_TRUE(claim(2, 1, "shop"));
}

TEST_F(NameServiceOutranking, NobodyIsAskedWhereAuthenticatorsDoNotOutrank) {
    plugs_.outranks = false;
    sell();
    EXPECT_EQ(code_of(claim(2, 1, "blog")), Code::NameTaken);
    EXPECT_TRUE(session(1).lost.empty());
}

/// The name is sold back and forth; exactly one has it at each instant, and it is the owner.
TEST_F(NameServiceOutranking, FollowsAThousandSales) {
    for (int sale = 0; sale < 1'000; ++sale) {
        const bool to_bob = sale % 2 == 0;
        plugs_.identity_refusals.clear();
        plugs_.identity_refusals.emplace(to_bob ? "tokens:alice" : "tokens:bob", kNo);
        const SessionNumber buyer = to_bob ? 2 : 1;
        const SessionNumber seller = to_bob ? 1 : 2;
        const auto registration = static_cast<std::uint32_t>(10 + sale);
        EXPECT_EQ(code_of(claim(seller, registration + 2'000, "blog")), Code::NameNotAllowed);
        ASSERT_TRUE(serve(buyer, registration, "blog")) << sale;
        ASSERT_EQ(plugs_.published.size(), 1U);
        ASSERT_EQ(session(seller).ended.size(), 1U);
        names_.leave(seller);
        destroy(seller);
        ASSERT_TRUE(login(seller, to_bob ? "alice" : "bob", to_bob ? 1 : 2));
    }
    // The history: each registration ends before the next begins.
    for (std::size_t i = 0; i + 1 < plugs_.history.size(); i += 2) {
        ASSERT_EQ(plugs_.history[i].front(), '+');
        ASSERT_EQ(plugs_.history[i + 1], "-" + plugs_.history[i].substr(1));
    }
}

}  // namespace
}  // namespace diglett::gateway
