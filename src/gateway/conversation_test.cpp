// The conversation of an agent with a whole gateway as a script: cut at every byte, split at every
// byte, and every kind of frame in every state. A good agent is served throughout, and nothing is
// left behind.
#include <chrono>
#include <set>
#include <thread>

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

class GatewayConversation : public testing::Test {
  protected:
    GatewayConversation() : witness_(std::make_unique<ScriptedAgent>(gateway_->port())) {
        witness_->send(witness_->opening({"witness"}, 200));
        EXPECT_NE(witness_->receive_ok(), 0);
    }

    /// The witness was served, and with it and the gateway all that the gateway held goes.
    void TearDown() override {
        EXPECT_TRUE(witness_->is_alive());
        witness_->close();
        witness_.reset();
        EXPECT_LT(gateway_->stop(2s), 2s) << "sessions were left";
        gateway_.reset();
        EXPECT_EQ(test::open_descriptors(), descriptors_before_);
    }

    [[nodiscard]] std::uint16_t port() const { return gateway_->port(); }

    /// Once in each round of a long test: an agent that is silent for 15 s counts as lost, and more
    /// than 20 Pings a second are too many. (protocol 8.1, 8.4)
    void serve_witness() {
        if (Clock::now() - witness_served_ >= 1s) {
            ASSERT_TRUE(witness_->is_alive());
            witness_served_ = Clock::now();
        }
    }

    /// An instance that nobody had before, so that sessions do not end each other.
    unsigned char next_instance() {
        return instance_ = static_cast<unsigned char>(instance_ % 100 + 1);
    }

    /// Registers `name` again and again until the session that held it is gone.
    bool comes_free(const std::string& name) {
        ScriptedAgent next(port());
        next.send(next.opening({}, 150));
        for (std::uint32_t id = 1; id < 500; ++id) {
            next.send(ScriptedAgent::register_name(id, name));
            if (next.receive_ok() != 0) {
                next.close();
                return next.sees_the_end();
            }
            std::this_thread::sleep_for(2ms);
        }
        return false;
    }

  private:
    std::size_t descriptors_before_ = test::open_descriptors();
    std::unique_ptr<test::TestGateway> gateway_ = std::make_unique<test::TestGateway>();
    std::unique_ptr<ScriptedAgent> witness_;
    TimePoint witness_served_ = Clock::now();
    unsigned char instance_ = 0;
};

TEST_F(GatewayConversation, MayBeCutAtEveryByte) {
    std::size_t size = 1;
    for (std::size_t cut = 0; cut <= size; ++cut) {
        serve_witness();
        ScriptedAgent agent(port());
        const auto flight = test::bytes_of(agent.opening({"blog"}, next_instance()));
        size = flight.size();
        ASSERT_TRUE(agent.send(ByteView(flight).first(cut)));
        if (cut % 2 == 0) {
            agent.cut();
        } else {
            agent.close();
        }
    }
    EXPECT_TRUE(comes_free("blog"));
}

TEST_F(GatewayConversation, MayBeSplitAtEveryByte) {
    std::size_t size = 1;
    for (std::size_t split = 0; split <= size; ++split) {
        serve_witness();
        ScriptedAgent agent(port());
        const auto flight = test::bytes_of(agent.opening({"blog"}, 1));
        size = flight.size();
        ASSERT_TRUE(agent.send(ByteView(flight).first(split)));
        ASSERT_TRUE(agent.send(ByteView(flight).subspan(split)));
        ASSERT_NE(agent.receive_ok(), 0) << split;
    }
    ScriptedAgent slow(port());
    ASSERT_TRUE(slow.send(test::bytes_of(slow.opening({"shop"}, 2)), 1));
    EXPECT_NE(slow.receive_ok(), 0);
}

/// After each frame that it sends the agent waits for what the gateway says, then goes; or the
/// visitor does.
TEST_F(GatewayConversation, MayEndAfterEveryStep) {
    constexpr int kSteps = 8;
    for (int last = 0; last < kSteps; ++last) {
        serve_witness();
        ScriptedAgent agent(port());
        std::uint16_t helper = 0;
        std::optional<test::BlockingSocket> visitor;
        std::uint32_t stream = 0;
        for (int step = 0; step <= last; ++step) {
            switch (step) {
                case 0:
                    agent.send(ScriptedAgent::hello());
                    ASSERT_TRUE(agent.receive(FrameKind::Hello));
                    break;
                case 1:
                    agent.send(agent.login(next_instance()));
                    ASSERT_TRUE(agent.receive(FrameKind::Welcome));
                    break;
                case 2:
                    agent.send(ScriptedAgent::register_name(1, "blog", true));
                    helper = agent.receive_ok();
                    ASSERT_NE(helper, 0);
                    break;
                case 3:
                    agent.send(ScriptedAgent::finish());
                    break;
                case 4:
                    visitor.emplace(test::connect_to(helper));
                    stream = agent.receive(FrameKind::Open).value().id;
                    break;
                case 5:
                    ASSERT_TRUE(visitor->send("request"));
                    ASSERT_TRUE(agent.receive(FrameKind::Data));
                    break;
                case 6:
                    agent.send(frame(FrameKind::Data, stream, "answer"));
                    ASSERT_EQ(visitor->receive(6).bytes, "answer");
                    break;
                default:
                    agent.send(frame(FrameKind::End, stream));
                    ASSERT_EQ(visitor->receive(1).ending, test::Ending::Fin);
            }
        }
        agent.cut();
        if (visitor && last < kSteps - 1) {
            EXPECT_EQ(visitor->receive_all().ending, test::Ending::Reset) << last;
        }
        EXPECT_TRUE(comes_free("blog")) << last;
    }
}

/// How far the agent has come when the frame in question arrives. (protocol 2.2)
enum class Stage { Start, Greeted, LoggedIn, Serving };

const std::set<FrameKind>& admitted(Stage stage) {
    using enum FrameKind;
    static const std::set<FrameKind> start{Hello};
    // GoAway may come, too, but there is nothing yet that could go on after it.
    static const std::set<FrameKind> greeted{Login, Ack, Ping, Pong};
    static const std::set<FrameKind> logged_in{Register, Unregister, FinishRegister, Ack,
                                               Ping,     Pong,       GoAway};
    static const std::set<FrameKind> serving{Register, Unregister, Ack, Ping,   Pong,
                                             GoAway,   Data,       End, Window, Reset};
    switch (stage) {
        case Stage::Start:
            return start;
        case Stage::Greeted:
            return greeted;
        case Stage::LoggedIn:
            return logged_in;
        default:
            return serving;
    }
}

/// A frame that is right in itself.
PlainFrame sound_frame(ScriptedAgent& agent, FrameKind kind, std::uint32_t stream) {
    switch (kind) {
        case FrameKind::Hello:
            return ScriptedAgent::hello();
        case FrameKind::Login:
            return agent.login(99);
        case FrameKind::Register:
            return ScriptedAgent::register_name(7, "other");
        case FrameKind::Unregister:
            return frame(kind, 9);
        case FrameKind::Data:
            return frame(kind, stream, "data");
        case FrameKind::Window:
            return frame(kind, stream, wire::Window{1 << 20});
        case FrameKind::Reset:
            return frame(kind, stream, wire::Reset{});
        case FrameKind::End:
            return frame(kind, stream);
        case FrameKind::Open:
            return frame(kind, stream + 1, wire::Open{});
        case FrameKind::Ack:
            return frame(kind, 0, wire::Ack{0, 1 << 20});
        case FrameKind::Ping:
        case FrameKind::Pong:
            return frame(kind, 0, wire::Ping{5});
        case FrameKind::GoAway:
            return frame(kind, 0, wire::Refusal{.code = wire::RefusalCode::Shutdown, .text = "x"});
        case FrameKind::Join:
        case FrameKind::Resume:
            return frame(kind, 0, wire::Resume{});
        case FrameKind::Resumed:
            return frame(kind, 0, wire::Resumed{});
        case FrameKind::Refused:
            return frame(kind, 0, wire::Refused{});
        case FrameKind::Welcome:
            return frame(kind, 0, wire::Welcome{});
        case FrameKind::Ok:
            return frame(kind, 1, wire::Registered{.name = "blog", .url = ""});
        case FrameKind::Error:
            return frame(kind, 1, wire::Refusal{});
        default:
            return frame(kind);
    }
}

TEST_F(GatewayConversation, TakesInEachStateTheFramesOfTheTableAndNoOthers) {
    for (const Stage stage : {Stage::Start, Stage::Greeted, Stage::LoggedIn, Stage::Serving}) {
        for (int number = 0; number < 26; ++number) {
            serve_witness();
            const auto kind = static_cast<FrameKind>(number);
            ScriptedAgent agent(port());
            std::optional<test::BlockingSocket> visitor;
            std::uint32_t stream = 1;
            if (stage >= Stage::Greeted) {
                agent.send(ScriptedAgent::hello());
            }
            if (stage >= Stage::LoggedIn) {
                agent.send(agent.login(next_instance()));
            }
            if (stage >= Stage::Serving) {
                agent.send(
                    {ScriptedAgent::register_name(1, "blog", true), ScriptedAgent::finish()});
                const auto helper = agent.receive_ok();
                ASSERT_NE(helper, 0);
                visitor.emplace(test::connect_to(helper));
                stream = agent.receive(FrameKind::Open).value().id;
            }
            agent.send(sound_frame(agent, kind, stream));
            if (admitted(stage).contains(kind)) {
                EXPECT_TRUE(agent.is_alive()) << int(stage) << ' ' << number;
            } else {
                EXPECT_TRUE(agent.sees_the_end()) << int(stage) << ' ' << number;
            }
            agent.cut();
        }
    }
    EXPECT_TRUE(comes_free("blog"));
}

/// Every admitted kind whose payload means something, with one that means nothing.
TEST_F(GatewayConversation, EndsASessionForAPayloadThatCannotBe) {
    using enum FrameKind;
    for (const FrameKind kind : {Hello, Login, Register, FinishRegister, Unregister, Ack, Ping,
                                 Pong, GoAway, Window, Reset, End, Data, Join, Resume}) {
        serve_witness();
        ScriptedAgent agent(port());
        const bool is_first = kind == Hello;
        const bool is_login = kind == Login || kind == Join || kind == Resume;
        if (!is_first) {
            agent.send(ScriptedAgent::hello());
        }
        if (!is_first && !is_login) {
            agent.send(agent.login(next_instance()));
        }
        const bool is_stream = kind == Window || kind == Reset || kind == End || kind == Data;
        std::optional<test::BlockingSocket> visitor;
        if (is_stream) {
            agent.send({ScriptedAgent::register_name(1, "blog", true), ScriptedAgent::finish()});
            visitor.emplace(test::connect_to(agent.receive_ok()));
            ASSERT_TRUE(agent.receive(Open));
        }
        const bool has_id = is_stream || kind == Register || kind == Unregister;
        agent.send(frame(kind, has_id ? 1 : 0, kind == Data ? "" : "{"));
        EXPECT_TRUE(agent.sees_the_end()) << wire::to_string(kind);
    }
}

TEST_F(GatewayConversation, EndsASessionWhoseRegistrationNumbersDoNotGrow) {
    for (const std::uint32_t second : {0U, 1U, 4U, 5U}) {
        ScriptedAgent agent(port());
        agent.send(agent.opening({}, next_instance()));
        agent.send({ScriptedAgent::register_name(5, "five"),
                    ScriptedAgent::register_name(second, "again")});
        EXPECT_TRUE(agent.sees_the_end()) << second;
    }
}

TEST_F(GatewayConversation, BoundsTheWaitForHelloAndLogin) {
    ScriptedAgent silent(port());
    ScriptedAgent half(port());
    half.send(ScriptedAgent::hello());
    auto before_tls = test::connect_to(port());
    const auto began = Clock::now();
    EXPECT_TRUE(silent.sees_the_end());
    EXPECT_TRUE(half.sees_the_end());
    EXPECT_NE(before_tls.receive_all().ending, test::Ending::Timeout);
    EXPECT_GT(Clock::now() - began, 4s);
    EXPECT_LT(Clock::now() - began, 8s);
}

TEST_F(GatewayConversation, TellsWhoeverIsNoAgentWhatThePortIs) {
    for (const char* const first : {"GET / HTTP/1.1\r\n\r\n", "digl", "\x15\x03\x01"}) {
        auto client = test::connect_to(port());
        ASSERT_TRUE(client.send(first));
        EXPECT_NE(client.receive_all().bytes.find("diglett"), std::string::npos) << first;
    }
}

}  // namespace
}  // namespace diglett::gateway
