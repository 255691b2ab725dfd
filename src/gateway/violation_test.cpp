// After a frame that breaks the rules nothing acts and nothing is said but why. (protocol 9.5)
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/scripted_peer.hpp"
#include "test/support/test_gateway.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::PlainFrame;
using test::ScriptedAgent;
using wire::FrameKind;
using Code = wire::RefusalCode;

PlainFrame ping() {
    return frame(FrameKind::Ping, 0, wire::Ping{5});
}

/// All that the gateway still says, Acks included.
std::vector<PlainFrame> rest_of(ScriptedAgent& agent) {
    std::vector<PlainFrame> said;
    while (auto next = agent.receive_any()) {
        said.push_back(std::move(*next));
    }
    EXPECT_TRUE(agent.sees_the_end());
    return said;
}

std::vector<FrameKind> kinds_of(const std::vector<PlainFrame>& frames) {
    std::vector<FrameKind> kinds;
    for (const auto& one : frames) {
        kinds.push_back(one.kind);
    }
    return kinds;
}

/// The same without Acks in front, which tell of what came before.
std::vector<PlainFrame> without_acks(std::vector<PlainFrame> frames) {
    while (!frames.empty() && frames.front().kind == FrameKind::Ack) {
        frames.erase(frames.begin());
    }
    return frames;
}

class GatewayViolation : public testing::Test {
  protected:
    void expect_refused(ScriptedAgent& agent) {
        const auto said = rest_of(agent);
        ASSERT_THAT(kinds_of(said), testing::ElementsAre(FrameKind::Hello, FrameKind::Refused));
        const auto why = wire::decode<wire::Refused>(said.back().payload);
        ASSERT_TRUE(why);
        EXPECT_EQ(why->code, Code::Protocol);
        EXPECT_FALSE(why->text.empty());
    }

    void expect_go_away(ScriptedAgent& agent, const char* words) {
        const auto said = without_acks(rest_of(agent));
        ASSERT_THAT(kinds_of(said), testing::ElementsAre(FrameKind::GoAway));
        const auto why = wire::decode<wire::Refusal>(said.back().payload);
        ASSERT_TRUE(why);
        EXPECT_EQ(why->code, Code::Protocol);
        EXPECT_THAT(why->text, testing::HasSubstr(words));
    }

    std::unique_ptr<ScriptedAgent> logged_in() {
        auto agent = std::make_unique<ScriptedAgent>(gateway_.port());
        agent->send(agent->opening({"blog"}));
        EXPECT_NE(agent->receive_ok(), 0);
        EXPECT_TRUE(agent->is_alive());
        return agent;
    }

    test::TestGateway gateway_;
};

TEST_F(GatewayViolation, BehindAMalformedLoginNothingIsAnswered) {
    ScriptedAgent agent(gateway_.port());
    agent.send({ScriptedAgent::hello(), frame(FrameKind::Login, 0, "{"), ping()});
    expect_refused(agent);
}

TEST_F(GatewayViolation, BehindAMalformedLoginInPiecesNothingIsAnswered) {
    ScriptedAgent agent(gateway_.port());
    agent.send(ScriptedAgent::hello());
    agent.send(frame(FrameKind::Login, 0, "{"));
    agent.send(ping());
    expect_refused(agent);
}

TEST_F(GatewayViolation, WhileALoginIsDecidedItCountsAtOnce) {
    ScriptedAgent agent(gateway_.port());
    agent.send({ScriptedAgent::hello(), agent.login(), ScriptedAgent::register_name(1, "blog"),
                frame(FrameKind::Register, 2, "{"), ping()});
    expect_refused(agent);
}

TEST_F(GatewayViolation, OfAnotherKindOfFrameIsNotAnsweredEither) {
    using enum FrameKind;
    const std::pair<PlainFrame, const char*> cases[] = {
        {frame(Register, 2, "{"), ""},
        {ScriptedAgent::register_name(1, "again"), "Register 1 after 1"},
        {frame(Unregister, 1, "x"), "Unregister with a payload"},
        {frame(FinishRegister), "FinishRegister"},
        {frame(Data, 99, "x"), "stream 99"},
        {frame(Welcome, 0, wire::Welcome{}), "Welcome"},
        {frame(GoAway, 0, "{"), ""}};
    for (const auto& [bad, words] : cases) {
        SCOPED_TRACE(wire::to_string(bad.kind));
        auto agent = logged_in();
        agent->send({bad, ping(), ScriptedAgent::register_name(3, "more")});
        expect_go_away(*agent, words);
    }
    gateway_.stop();
    EXPECT_EQ(gateway_.log().count("register domain 'more'"), 0U);
}

TEST_F(GatewayViolation, NothingFollowsARefusal) {
    ScriptedAgent agent(gateway_.port());
    auto login = wire::decode<wire::Login>(agent.login().payload).value();
    login.agent_signature[5] ^= std::byte{1};
    agent.send({ScriptedAgent::hello(), frame(FrameKind::Login, 0, login),
                ScriptedAgent::register_name(1, "blog"), ScriptedAgent::finish(), ping()});
    const auto said = rest_of(agent);
    ASSERT_FALSE(said.empty());
    EXPECT_EQ(said.back().kind, FrameKind::Refused);
    EXPECT_EQ(wire::decode<wire::Refused>(said.back().payload)->code, Code::Credential);
}

}  // namespace
}  // namespace diglett::gateway
