// A whole gateway against agents played by the test, over real TLS. (protocol 2, 9)
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/limits.hpp"
#include "net/descriptor_limit.hpp"
#include "net/sleep.hpp"
#include "test/support/scripted_peer.hpp"
#include "test/support/test_gateway.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::ScriptedAgent;
using wire::FrameKind;
using Code = wire::RefusalCode;

class GatewaySession : public testing::Test {
  protected:
    /// An agent whose session is open, with these names registered.
    std::unique_ptr<ScriptedAgent> agent(const std::vector<std::string>& names,
                                         unsigned char instance = 1) {
        auto made = std::make_unique<ScriptedAgent>(gateway_.port());
        made->send(made->opening(names, instance));
        EXPECT_TRUE(made->receive(FrameKind::Welcome));
        for (const auto& name : names) {
            EXPECT_NE(made->receive_ok(), 0) << name;
        }
        return made;
    }

    test::TestGateway gateway_;
};

TEST_F(GatewaySession, AnswersOneFlight) {
    ScriptedAgent agent(gateway_.port());
    agent.send(agent.opening({"blog", "www", "shop"}));
    ASSERT_TRUE(agent.receive(FrameKind::Hello));
    const auto welcomed = agent.receive();
    ASSERT_TRUE(welcomed && welcomed->kind == FrameKind::Welcome);
    const auto welcome = wire::decode<wire::Welcome>(welcomed->payload);
    ASSERT_TRUE(welcome);
    EXPECT_EQ(welcome->identity, "local");
    std::map<std::uint32_t, FrameKind> answers;
    for (int i = 0; i < 3; ++i) {
        const auto answer = agent.receive_answer();
        ASSERT_TRUE(answer);
        answers.emplace(answer->id, answer->kind);
    }
    EXPECT_EQ(answers, (std::map<std::uint32_t, FrameKind>{
                           {1, FrameKind::Ok}, {2, FrameKind::Error}, {3, FrameKind::Ok}}));
    EXPECT_EQ(gateway_.log().count("register domain 'blog' -> '"), 1U);
}

TEST_F(GatewaySession, SurvivesANameGivenUpInTheSameFlight) {
    ScriptedAgent agent(gateway_.port());
    agent.send({ScriptedAgent::hello(), agent.login(), ScriptedAgent::register_name(1, "blog"),
                frame(FrameKind::Unregister, 1), ScriptedAgent::register_name(2, "shop"),
                frame(FrameKind::Unregister, 2), ScriptedAgent::finish(),
                ScriptedAgent::register_name(3, "news")});
    auto answer = agent.receive_answer();
    while (answer && answer->id != 3) {
        answer = agent.receive_answer();
    }
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind, FrameKind::Ok);
    EXPECT_TRUE(agent.is_alive());
    // Nothing of the others is left: they can be had at once.
    agent.send({ScriptedAgent::register_name(4, "blog"), ScriptedAgent::register_name(5, "shop")});
    EXPECT_NE(agent.receive_ok(), 0);
    EXPECT_NE(agent.receive_ok(), 0);
}

TEST_F(GatewaySession, RefusesWhatCannotBeRegistered) {
    auto holder = agent({"blog"});

    struct Case {
        std::string name;
        std::string kind;
        Code code;
    };

    std::uint32_t id = 1;
    for (const auto& [name, kind, code] :
         {Case{"BLOG", "http", Code::NameInvalid}, Case{"www", "http", Code::NameReserved},
          Case{"blog", "http", Code::NameInUse}, Case{"shop", "tcp", Code::KindUnsupported}}) {
        holder->send(frame(FrameKind::Register, ++id, wire::Register{.name = name, .kind = kind}));
        EXPECT_EQ(holder->receive_error(), code) << name;
    }
    EXPECT_TRUE(holder->is_alive());
}

TEST_F(GatewaySession, BoundsTheNamesOfASession) {
    ASSERT_TRUE(net::raise_descriptor_limit());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kMaxRegistrations; ++i) {
        names.push_back(fmt::format("name{}", i));
    }
    auto holder = agent(names);  // in one flight
    holder->send(ScriptedAgent::register_name(1'001, "more"));
    EXPECT_EQ(holder->receive_error(), Code::TooManyNames);
    holder->send({frame(FrameKind::Unregister, 7), ScriptedAgent::register_name(1'002, "more")});
    EXPECT_NE(holder->receive_ok(), 0);
}

/// Does not decide before it may.
class SlowAuthenticator final : public auth::Authenticator {
  public:
    explicit SlowAuthenticator(const std::atomic<bool>& may_decide) : may_decide_(may_decide) {}

    [[nodiscard]] std::string_view name() const override { return "slow"; }

    [[nodiscard]] net::Awaitable<std::expected<auth::Identity, auth::Refusal>> authenticate(
        const auth::Credential& /*credential*/, const auth::ConnectionFacts& /*facts*/,
        TimePoint deadline) override {
        while (!may_decide_ && Clock::now() < deadline) {
            auto waiting = net::sleep_until(Clock::now() + 2ms);
            co_await std::move(waiting);
        }
        co_return std::unexpected(auth::Refusal{.code = Code::Undecided, .text = "too slow"});
    }

    [[nodiscard]] net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize(
        const auth::Identity& /*identity*/, const std::string& /*name*/,
        const std::string& /*kind*/, TimePoint /*deadline*/) override {
        co_return auth::Allowed{};
    }

  private:
    const std::atomic<bool>& may_decide_;
};

TEST(GatewayInbox, BoundsWhatWaitsForALogin) {
    std::atomic<bool> may_decide = false;
    test::TestGateway gateway(1, false, std::make_unique<SlowAuthenticator>(may_decide));
    ScriptedAgent agent(gateway.port());
    const std::string longest(63, 'a');
    std::vector<test::PlainFrame> flight{ScriptedAgent::hello(), agent.login()};
    for (std::uint32_t id = 1; id <= 10; ++id) {
        auto request = frame(FrameKind::Register, id, wire::Register{.name = longest});
        request.payload.resize(16'000, std::byte{' '});  // white space behind it is allowed
        flight.push_back(request);
    }
    agent.send(flight);
    const auto words = agent.receive(FrameKind::Refused);
    ASSERT_TRUE(words);
    const auto why = wire::decode<wire::Refused>(words->payload);
    EXPECT_EQ(why->code, Code::Protocol);
    EXPECT_EQ(why->text, "more conversation frames than may wait");
    EXPECT_TRUE(agent.sees_the_end());
    may_decide = true;
}

TEST(GatewayUsedUp, AsksTheAgentBackAndLetsStreamsEnd) {
    test::TestGateway gateway(1, false, std::make_unique<auth::LoopbackAuthenticator>(),
                              {.max_stream_id = 1});
    ScriptedAgent agent(gateway.port());
    agent.send(agent.opening({"blog"}));
    const auto port = agent.receive_ok();
    ASSERT_NE(port, 0);
    auto last = test::connect_to(port);
    ASSERT_TRUE(agent.receive(FrameKind::Open));
    auto refused = test::connect_to(port);
    const auto words = agent.receive(FrameKind::GoAway);
    ASSERT_TRUE(words);
    EXPECT_EQ(wire::decode<wire::Refusal>(words->payload)->code, Code::Restart);
    EXPECT_TRUE(agent.is_alive()) << "while the last stream lives";
    agent.send({frame(FrameKind::End, 1)});
    last.shutdown_write();
    EXPECT_TRUE(agent.sees_the_end());
}

TEST_F(GatewaySession, RefusesALiveHoldersNameAndGivesItOnTakeover) {
    auto holder = agent({"blog", "shop"}, 1);
    auto newcomer = agent({}, 2);
    newcomer->send(ScriptedAgent::register_name(1, "blog"));
    const auto serve_ping = [](ScriptedAgent& of) {
        const auto ping = of.receive(FrameKind::Ping);
        return ping && of.send(test::PlainFrame{FrameKind::Pong, 0, ping->payload});
    };
    ASSERT_TRUE(serve_ping(*holder));
    EXPECT_EQ(newcomer->receive_error(), Code::NameInUse);
    newcomer->send(ScriptedAgent::register_name(2, "blog", true));
    ASSERT_TRUE(serve_ping(*holder));
    EXPECT_NE(newcomer->receive_ok(), 0);
    EXPECT_EQ(holder->receive_error(), Code::Replaced);
    EXPECT_TRUE(holder->is_alive()) << "it has another name";
}

TEST_F(GatewaySession, GivesTheNameOfASilentHolderAway) {
    auto holder = agent({"blog"}, 1);
    const auto began = Clock::now();
    auto newcomer = agent({"blog"}, 2);
    EXPECT_LT(Clock::now() - began, 3s);
    EXPECT_EQ(holder->receive_error(), Code::Replaced);
    EXPECT_TRUE(holder->sees_the_end());
}

TEST_F(GatewaySession, ResetsTheVisitorsOfASilentHolderAtOnce) {
    ScriptedAgent holder(gateway_.port());
    holder.send(holder.opening({"blog"}));
    const auto port = holder.receive_ok();
    ASSERT_NE(port, 0);
    auto visitor = test::connect_to(port);
    ASSERT_TRUE(holder.receive(FrameKind::Open));
    // The holder's limits are used up, so what the visitor sends cannot leave.
    ASSERT_TRUE(visitor.send(std::string(300'000, 'x')));
    auto newcomer = agent({"blog"}, 2);
    const auto began = Clock::now();
    EXPECT_EQ(visitor.receive_all().ending, test::Ending::Reset);
    EXPECT_LT(Clock::now() - began, 200ms);
}

TEST_F(GatewaySession, EndsTheOlderSessionOfAnInstance) {
    auto older = agent({"blog"}, 1);
    auto newer = agent({"blog"}, 1);
    EXPECT_TRUE(older->receive(FrameKind::GoAway));
    EXPECT_TRUE(older->sees_the_end());
    EXPECT_TRUE(newer->is_alive());
}

TEST_F(GatewaySession, CarriesAVisitorBothWays) {
    ScriptedAgent agent(gateway_.port());
    agent.send(agent.opening({"blog"}));
    const auto port = agent.receive_ok();
    ASSERT_NE(port, 0);
    auto visitor = test::connect_to(port);
    ASSERT_TRUE(visitor.send("hello"));
    const auto open = agent.receive(FrameKind::Open);
    ASSERT_TRUE(open);
    const auto data = agent.receive(FrameKind::Data);
    ASSERT_TRUE(data);
    EXPECT_EQ(as_text(data->payload), "hello");
    agent.send({frame(FrameKind::Data, open->id, "answer"), frame(FrameKind::End, open->id)});
    const auto received = visitor.receive_all();
    EXPECT_EQ(received.bytes, "answer");
    EXPECT_EQ(received.ending, test::Ending::Fin);
    visitor.shutdown_write();
    EXPECT_TRUE(agent.receive(FrameKind::End));
}

TEST_F(GatewaySession, AnUnregisteredNameResetsItsVisitorsAndFreesItsPort) {
    ScriptedAgent agent(gateway_.port());
    agent.send(agent.opening({"blog"}));
    const auto port = agent.receive_ok();
    auto visitor = test::connect_to(port);
    ASSERT_TRUE(agent.receive(FrameKind::Open));
    agent.send(frame(FrameKind::Unregister, 1));
    EXPECT_EQ(visitor.receive_all().ending, test::Ending::Reset);
    EXPECT_THROW(std::ignore = test::connect_to(port), std::runtime_error);
    EXPECT_TRUE(agent.receive(FrameKind::Reset));
    EXPECT_TRUE(agent.is_alive());
}

TEST_F(GatewaySession, OpensNoStreamBeforeFinishRegister) {
    ScriptedAgent agent(gateway_.port());
    agent.send({ScriptedAgent::hello(), agent.login(), ScriptedAgent::register_name(1, "blog")});
    const auto port = agent.receive_ok();
    ASSERT_NE(port, 0);
    auto visitor = test::connect_to(port);
    EXPECT_TRUE(agent.is_alive());
    agent.send(ScriptedAgent::finish());
    const auto next = agent.receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->kind, FrameKind::Open);
}

/// The worker is stopped in the moment in which only the control thread knows of the login.
TEST_F(GatewaySession, IsNotPushedOutOnceItsLoginIsAccepted) {
    std::promise<void> accepted;
    std::promise<void> go_on;
    gateway_.log().call_at("logged in as", [&] {
        accepted.set_value();
        EXPECT_EQ(go_on.get_future().wait_for(20s), std::future_status::ready);
    });
    ScriptedAgent agent(gateway_.port());
    agent.send(agent.opening({"blog"}));
    ASSERT_EQ(accepted.get_future().wait_for(20s), std::future_status::ready);
    const auto descriptors = test::open_descriptors();
    std::vector<test::BlockingSocket> crowd;
    for (std::size_t i = 0; i <= kMaxUnauthenticatedPerSource; ++i) {
        crowd.push_back(test::connect_to(gateway_.port()));
    }
    const TimePoint end = Clock::now() + 20s;
    while (test::open_descriptors() < descriptors + 2 * crowd.size() && Clock::now() < end) {
        std::this_thread::sleep_for(2ms);
    }
    go_on.set_value();
    EXPECT_NE(agent.receive_ok(), 0);
    EXPECT_TRUE(agent.is_alive());
}

TEST_F(GatewaySession, RefusesALoginThatIsNotSigned) {
    ScriptedAgent agent(gateway_.port());
    auto login = wire::decode<wire::Login>(agent.login().payload).value();
    login.agent_signature[5] ^= std::byte{1};
    agent.send({ScriptedAgent::hello(), frame(FrameKind::Login, 0, login)});
    const auto refused = agent.receive(FrameKind::Refused);
    ASSERT_TRUE(refused);
    EXPECT_EQ(wire::decode<wire::Refused>(refused->payload)->code, Code::Credential);
    EXPECT_TRUE(agent.sees_the_end());
}

TEST_F(GatewaySession, RefusesALoginThatWasSignedForAnotherConnection) {
    ScriptedAgent first(gateway_.port());
    ScriptedAgent second(gateway_.port());
    second.send({ScriptedAgent::hello(), first.login()});
    EXPECT_TRUE(second.receive(FrameKind::Refused));
}

TEST_F(GatewaySession, RefusesOtherVersionsAfterItsHello) {
    ScriptedAgent agent(gateway_.port());
    wire::Hello hello;
    hello.min_version = 3;
    hello.max_version = 4;
    agent.send(frame(FrameKind::Hello, 0, hello));
    const auto answer = agent.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind, FrameKind::Hello);
    const auto refused = agent.receive(FrameKind::Refused);
    ASSERT_TRUE(refused);
    EXPECT_EQ(wire::decode<wire::Refused>(refused->payload)->code, Code::Version);
}

TEST_F(GatewaySession, PutsOffANameThatComesWhileTheGatewayStops) {
    ScriptedAgent agent(gateway_.port());
    agent.send(agent.opening({"blog"}));
    auto visitor = test::connect_to(agent.receive_ok());  // so that there is something to wait for
    ASSERT_TRUE(agent.receive(FrameKind::Open));
    std::thread stopping([&] { gateway_.stop(10s); });
    EXPECT_TRUE(agent.receive(FrameKind::GoAway));
    agent.send(ScriptedAgent::register_name(2, "late"));
    const auto answer = agent.receive_answer();
    EXPECT_TRUE(answer && answer->kind == FrameKind::Error);
    if (answer) {
        const auto why = wire::decode<wire::Refusal>(answer->payload);
        EXPECT_TRUE(why && why->code == Code::TryLater && why->retry_ms == 5'000);
    }
    agent.close();
    stopping.join();
    EXPECT_EQ(gateway_.log().count("register domain 'late'"), 0U);
}

TEST_F(GatewaySession, AnAgentThatGoesTakesNoMoreVisitorsAndEndsItsSession) {
    ScriptedAgent agent(gateway_.port());
    agent.send(agent.opening({"blog"}));
    const auto port = agent.receive_ok();
    agent.send(frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Shutdown, .text = "bye"}));
    EXPECT_TRUE(agent.is_alive());
    EXPECT_THROW(std::ignore = test::connect_to(port), std::runtime_error);
    agent.close();
    EXPECT_TRUE(agent.sees_the_end());
}

TEST_F(GatewaySession, AGoAwayOfAnotherReasonEndsTheSessionAtOnce) {
    auto one = agent({"blog"});
    one->send(frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Protocol, .text = "no"}));
    EXPECT_TRUE(one->sees_the_end());
}

}  // namespace
}  // namespace diglett::gateway
