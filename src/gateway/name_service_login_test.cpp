// NameService: who is logged in. (protocol 7.7)
#include <chrono>

#include "net/sleep.hpp"
#include "test/support/name_service_fixture.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class NameServiceLogin : public test::NameServiceTest {};

TEST_F(NameServiceLogin, TakesTheAuthenticatorsIdentity) {
    const auto identity = login(1, "alice");
    ASSERT_TRUE(identity) << text_of(identity);
    EXPECT_EQ(identity->key, "tokens:alice");
    EXPECT_EQ(names_.session_count(), 1U);
}

TEST_F(NameServiceLogin, HandsOnWhatTheAuthenticatorRefuses) {
    for (const Code code : {Code::Credential, Code::Expired, Code::Undecided, Code::TryLater}) {
        plugs_.login_refusal = auth::Refusal{.code = code, .text = "why", .retry_after = 7s};
        const auto refused = login(1, "alice");
        EXPECT_EQ(code_of(refused), code);
        EXPECT_EQ(text_of(refused), "why");
        EXPECT_EQ(refused.error().retry_ms, 7'000U);
        EXPECT_EQ(names_.session_count(), 0U);
    }
}

TEST_F(NameServiceLogin, EndsTheOlderSessionOfTheSameInstance) {
    ASSERT_TRUE(login(1, "alice", 7));
    ASSERT_TRUE(claim(1, 1, "blog"));
    ASSERT_TRUE(login(2, "alice", 7));
    ASSERT_EQ(session(1).ended.size(), 1U);
    EXPECT_EQ(session(1).ended[0].code, Code::Replaced);
    EXPECT_EQ(names_.session_count(), 1U);
    EXPECT_TRUE(claim(2, 1, "blog"));
    EXPECT_EQ(session(1).probes, 0);
}

TEST_F(NameServiceLogin, EndsAnOlderSessionWhoseObjectIsGone) {
    ASSERT_TRUE(login(1, "alice", 7));
    ASSERT_TRUE(claim(1, 1, "blog"));
    destroy(1);
    ASSERT_TRUE(login(2, "alice", 7));
    EXPECT_TRUE(claim(2, 1, "blog"));
    EXPECT_EQ(names_.session_count(), 1U);
}

TEST_F(NameServiceLogin, LeavesOtherSessionsAlone) {
    struct Case {
        const char* who;
        unsigned char instance;
    };

    ASSERT_TRUE(login(1, "alice", 7));
    ASSERT_TRUE(login(2, "alice"));
    SessionNumber number = 3;
    for (const auto& [who, instance] : {Case{"alice", 8}, Case{"bob", 7}, Case{"alice", 0}}) {
        ASSERT_TRUE(login(number++, who, instance));
    }
    EXPECT_TRUE(session(1).ended.empty());
    EXPECT_TRUE(session(2).ended.empty());
    EXPECT_EQ(names_.session_count(), 5U);
}

TEST_F(NameServiceLogin, KeepsOneOfTwoLoginsOfAnInstanceAtOnce) {
    ASSERT_TRUE(login(1, "alice", 7));
    bool third_is_in = false;
    session(1).during_end = [&]() -> net::Awaitable<void> {
        auto request = login_request(3, "alice", 7);
        auto asking = names_.login(std::move(request));
        third_is_in = (co_await std::move(asking)).has_value();
    };
    const auto second = login(2, "alice", 7);
    EXPECT_TRUE(third_is_in);
    EXPECT_EQ(code_of(second), Code::Replaced);
    EXPECT_EQ(session(2).ended.size(), 1U);
    EXPECT_TRUE(session(3).ended.empty());
    EXPECT_EQ(names_.session_count(), 1U);
}

TEST_F(NameServiceLogin, BoundsTheSessionsOfAnIdentityAndInAll) {
    for (unsigned char i = 1; i <= kMaxSessionsOfOne; ++i) {
        ASSERT_TRUE(login(i, "alice", i));
    }
    auto one_more = login_request(50, "alice", 50);
    bool left_the_waiting_room = false;
    one_more.pending = [&] { left_the_waiting_room = true; };
    const auto busy = run(names_.login(std::move(one_more)));
    EXPECT_EQ(code_of(busy), Code::Busy);
    EXPECT_EQ(busy.error().retry_ms, 2'000U);
    EXPECT_TRUE(left_the_waiting_room);
    EXPECT_TRUE(login(51, "alice", 1)) << "its agent did not hear our Welcome";
    ASSERT_TRUE(login(52, "bob", 1));
    ASSERT_TRUE(login(53, "bob", 2));
    EXPECT_EQ(code_of(login(54, "carol", 1)), Code::Busy) << "all are taken";
    EXPECT_EQ(names_.session_count(), kMaxSessions);
    names_.leave(2);
    EXPECT_TRUE(login(55, "alice", 50));
}

TEST_F(NameServiceLogin, BoundsWhatIsPendingOfASourceAndInAll) {
    plugs_.login_refusal = auth::Refusal{.code = Code::Credential, .text = "wrong"};
    const auto try_from = [&](SessionNumber number, const std::string& source) {
        auto request = login_request(number, "alice");
        request.facts.source = source;
        bool is_pending = false;
        request.pending = [&] { is_pending = true; };
        const auto refused = run(names_.login(std::move(request)));
        EXPECT_EQ(code_of(refused), is_pending ? Code::Credential : Code::TryLater);
        return is_pending;
    };
    EXPECT_TRUE(try_from(1, "a") && try_from(2, "a"));
    EXPECT_FALSE(try_from(3, "a")) << "refused ones count until they are closed";
    EXPECT_TRUE(try_from(4, "b") && try_from(5, "c"));
    EXPECT_FALSE(try_from(6, "d"));
    names_.leave(6);
    EXPECT_FALSE(try_from(6, "d"));
    names_.leave(2);
    EXPECT_TRUE(try_from(6, "d"));
    names_.leave(1);
    plugs_.login_refusal.reset();
    for (unsigned char i = 20; i < 25; ++i) {
        EXPECT_TRUE(login(i, "alice", i)) << "one that is in counts no more";
    }
}

TEST_F(NameServiceLogin, AsksNobodyAnyMoreForASessionThatEnded) {
    bool went_on = false;
    plugs_.during_login = [&]() -> net::Awaitable<void> {
        names_.abandon_login(1);
        auto waiting = net::sleep_until(Clock::now() + 10s);
        co_await std::move(waiting);
        went_on = true;
    };
    const auto began = Clock::now();
    EXPECT_EQ(code_of(login(1, "alice")), Code::Undecided);
    EXPECT_LT(Clock::now() - began, 5s);
    context_.restart();
    context_.poll();
    EXPECT_LT(Clock::now() - began, 5s);
    EXPECT_EQ(names_.session_count(), 0U);
    names_.abandon_login(1);
    names_.leave(1);
    EXPECT_TRUE(login(2, "alice"));
}

TEST_F(NameServiceLogin, LeavingTwiceIsHarmless) {
    ASSERT_TRUE(login(1, "alice"));
    names_.leave(1);
    names_.leave(1);
    names_.release(1, {1});
    EXPECT_EQ(names_.session_count(), 0U);
}

}  // namespace
}  // namespace diglett::gateway
