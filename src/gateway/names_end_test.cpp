// A whole gateway and how a session's names come free. (protocol 9.3, 9.4)
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/scripted_peer.hpp"
#include "test/support/test_gateway.hpp"

namespace diglett::gateway {
namespace {

using test::frame;
using test::ScriptedAgent;
using wire::FrameKind;
using Code = wire::RefusalCode;

class GatewayNamesEnd : public testing::Test {
  protected:
    std::unique_ptr<ScriptedAgent> agent(const std::vector<std::string>& names,
                                         unsigned char instance) {
        auto made = std::make_unique<ScriptedAgent>(gateway_.port());
        made->send(made->opening(names, instance));
        EXPECT_TRUE(made->receive(FrameKind::Welcome));
        for (const auto& name : names) {
            port_ = made->receive_ok();
            EXPECT_NE(port_, 0) << name;
        }
        return made;
    }

    test::TestGateway gateway_;
    std::uint16_t port_ = 0;  ///< Of the last name.
};

TEST_F(GatewayNamesEnd, ASilentHolderHearsWhichNameItLostAndMayComeBack) {
    auto holder = agent({"blog", "shop"}, 1);
    auto newcomer = agent({"shop"}, 2);
    const auto lost = holder->receive(FrameKind::Error);
    ASSERT_TRUE(lost);
    EXPECT_EQ(lost->id, 2U);
    EXPECT_EQ(wire::decode<wire::Refusal>(lost->payload)->code, Code::Replaced);
    const auto words = holder->receive(FrameKind::GoAway);
    ASSERT_TRUE(words);
    EXPECT_EQ(wire::decode<wire::Refusal>(words->payload)->code, Code::TryLater);
    EXPECT_TRUE(holder->sees_the_end());
    auto again = agent({"blog"}, 1);
    EXPECT_TRUE(newcomer->is_alive());
}

TEST_F(GatewayNamesEnd, NamesComeFreeWithTheAgentsGoAwayThoughStreamsGoOn) {
    auto leaving = agent({"blog"}, 1);
    auto visitor = test::connect_to(port_);
    const auto open = leaving->receive(FrameKind::Open);
    ASSERT_TRUE(open);
    leaving->send(
        frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Restart, .text = "back at once"}));
    ASSERT_TRUE(leaving->is_alive());  // and so the GoAway has been read
    auto restarted = agent({"blog"}, 2);
    EXPECT_TRUE(restarted->is_alive());
    leaving->send({frame(FrameKind::Data, open->id, "answer"), frame(FrameKind::End, open->id)});
    const auto received = visitor.receive_all();
    EXPECT_EQ(received.bytes, "answer");
    EXPECT_EQ(received.ending, test::Ending::Fin);
}

/// (protocol 9.3)
TEST_F(GatewayNamesEnd, AnAgentThatSaidGoAwayAndStaysIsCut) {
    auto staying = agent({"blog"}, 1);
    auto visitor = test::connect_to(port_);
    ASSERT_TRUE(staying->receive(FrameKind::Open));
    staying->send(
        frame(FrameKind::GoAway, 0,
              wire::Refusal{.code = Code::Shutdown, .text = "leaving", .deadline_ms = 1}));
    ASSERT_TRUE(staying->is_alive());
    EXPECT_TRUE(staying->sees_the_end());
    EXPECT_EQ(visitor.receive_all().ending, test::Ending::Reset);
}

bool is_refused(std::uint16_t port) {
    try {
        std::ignore = test::connect_to(port);
        return false;
    } catch (const std::runtime_error&) {
        return true;
    }
}

template <class Condition>
bool eventually(Condition condition) {
    const TimePoint end = Clock::now() + std::chrono::seconds(20);
    while (!condition() && Clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return condition();
}

TEST_F(GatewayNamesEnd, ALostAgentsNameStaysAndItsPortRefuses) {
    auto lost = agent({"blog"}, 1);
    const auto port = port_;
    auto visitor = test::connect_to(port);
    ASSERT_TRUE(lost->receive(FrameKind::Open));
    lost->cut();
    EXPECT_TRUE(eventually([&] { return is_refused(port); }));
    EXPECT_EQ(visitor.receive_all().ending, test::Ending::Reset);
    EXPECT_EQ(gateway_.log().count("unregister domain 'blog'"), 0U);
    auto back = agent({"blog"}, 2);
    EXPECT_EQ(port_, port);
    EXPECT_EQ(gateway_.log().count("register domain 'blog' -> "), 2U);
    EXPECT_EQ(gateway_.log().count("unregister domain 'blog'"), 0U) << "the name stays public";
    auto next = test::connect_to(port);
    EXPECT_TRUE(back->receive(FrameKind::Open));
}

TEST_F(GatewayNamesEnd, ANameOfAnAgentThatClosesInOrderIsGoneAtOnce) {
    auto closing = agent({"blog"}, 1);
    closing->close();
    EXPECT_TRUE(eventually([&] { return gateway_.log().count("unregister domain 'blog'") == 1U; }));
    EXPECT_TRUE(is_refused(port_));
}

TEST_F(GatewayNamesEnd, AGoAwayForAnotherReasonKeepsTheName) {
    auto leaving = agent({"blog"}, 1);
    leaving->send(frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Protocol, .text = "?"}));
    EXPECT_TRUE(leaving->sees_the_end());
    EXPECT_TRUE(eventually([&] { return is_refused(port_); }));
    const auto port = port_;
    auto back = agent({"blog"}, 2);
    EXPECT_EQ(port_, port);
    EXPECT_EQ(gateway_.log().count("register domain 'blog' -> "), 2U);
}

TEST_F(GatewayNamesEnd, TheGatewaysStopRemovesTheNamesOfLostAgents) {
    auto lost = agent({"blog"}, 1);
    lost->cut();
    EXPECT_TRUE(eventually([&] { return is_refused(port_); }));
    gateway_.stop();
    EXPECT_EQ(gateway_.log().count("unregister domain 'blog'"), 1U);
}

TEST_F(GatewayNamesEnd, ANewerAgentsVisitorsNeverReachTheOlderOne) {
    std::vector<std::unique_ptr<ScriptedAgent>> agents;
    for (unsigned char i = 1; i <= 20; ++i) {
        agents.push_back(agent({"blog"}, 1));  // each ends the one before
        const auto port = port_;
        auto visitor = test::connect_to(port);
        ASSERT_TRUE(agents.back()->receive(FrameKind::Open)) << int{i};
    }
}

TEST_F(GatewayNamesEnd, ANameGivenUpAndAskedForAgainInOneFlightIsHad) {
    ScriptedAgent agent(gateway_.port());
    agent.send({ScriptedAgent::hello(), agent.login(), ScriptedAgent::finish(),
                ScriptedAgent::register_name(1, "same"), frame(FrameKind::Unregister, 1),
                ScriptedAgent::register_name(2, "same"), ScriptedAgent::register_name(3, "same")});
    std::vector<std::pair<std::uint32_t, FrameKind>> answers;
    for (int i = 0; i < 3; ++i) {
        const auto answer = agent.receive_answer();
        ASSERT_TRUE(answer);
        answers.emplace_back(answer->id, answer->kind);
        if (answer->kind == FrameKind::Error) {
            EXPECT_EQ(wire::decode<wire::Refusal>(answer->payload)->code, Code::NameInUse);
        }
    }
    EXPECT_EQ(answers, (std::vector<std::pair<std::uint32_t, FrameKind>>{
                           {1, FrameKind::Ok}, {2, FrameKind::Ok}, {3, FrameKind::Error}}));
}

}  // namespace
}  // namespace diglett::gateway
