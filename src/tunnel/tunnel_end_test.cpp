// How a tunnel ends that has only a scripted peer, and that an end leaves nothing behind.
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <thread>

#include <gtest/gtest.h>

#include "net/descriptor_limit.hpp"
#include "test/support/tunnel_pair.hpp"
#include "tunnel/tunnel.hpp"

namespace diglett::tunnel {
namespace {

using test::Ending;
using test::PlainChannel;
using test::TunnelEnd;
using test::TunnelPair;

std::size_t open_descriptors() {
    std::size_t count = 0;
    DIR* const folder = ::opendir("/proc/self/fd");
    while (::readdir(folder) != nullptr) {
        ++count;
    }
    ::closedir(folder);
    return count;
}

std::string frame(wire::FrameKind kind, std::uint32_t id, std::string_view payload) {
    std::array<std::byte, wire::kHeaderBytes> header{};
    header[0] = static_cast<std::byte>(kind);
    store_be(id, std::span(header).subspan(1));
    store_be(static_cast<std::uint16_t>(payload.size()), std::span(header).subspan(5));
    return std::string(as_text(header)) + std::string(payload);
}

std::string hello_frame() {
    wire::Hello hello;
    hello.link_limit = mux::kInitialLinkWindowBytes;
    hello.stream_limit = mux::kInitialStreamWindowBytes;
    ByteVector payload;
    wire::encode(hello, payload);
    return frame(wire::FrameKind::Hello, 0, as_text(payload));
}

/// A gateway's end without encryption whose peer is the test itself.
class ScriptedAgent : public testing::Test {
  protected:
    ScriptedAgent() : pair_(test::tcp_pair()) {
        gateway_ = test::run_on(pool_.executor(0), [this] {
            return std::make_unique<TunnelEnd>(mux::Role::Gateway, resources_,
                                               net::Socket(pool_.executor(0), pair_.theirs),
                                               std::make_unique<PlainChannel>());
        });
    }

    ~ScriptedAgent() override {
        boost::asio::co_spawn(pool_.executor(0), destroy(std::move(gateway_)),
                              boost::asio::use_future)
            .get();
    }

    static net::Awaitable<void> destroy(std::unique_ptr<TunnelEnd> end) {
        end->tunnel().abort({Errc::Cancelled, "the test is over"});
        co_await end->group().join();
    }

    void log_in() {
        ASSERT_TRUE(pair_.ours.send(hello_frame() + frame(wire::FrameKind::Login, 0, "") +
                                    frame(wire::FrameKind::FinishRegister, 0, "")));
        ASSERT_TRUE(gateway_->ready.take());
    }

    net::WorkerPool pool_{1, "test"};
    WorkerResources resources_{pool_.executor(0)};
    test::SocketPair pair_;
    std::unique_ptr<TunnelEnd> gateway_;
};

/// TCP has to find a dead peer of protocol 1: it has no ping.
TEST_F(ScriptedAgent, IsAskedByTcpWhenSilent) {
    const auto option = [&](int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(pair_.theirs, level, name, &value, &size), 0);
        return value;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 5);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 2);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0)
        << "it would end a session whose peer does not read for a while";
}

TEST_F(ScriptedAgent, KilledInMidFrameEndsTheSessionAsLost) {
    log_in();
    ASSERT_TRUE(pair_.ours.send(frame(wire::FrameKind::Ping, 0, "12345678").substr(0, 9)));
    pair_.ours.close();
    const auto why = gateway_->outcome.take();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, Errc::ConnectionLost) << why->text;
}

TEST_F(ScriptedAgent, ResetEndsTheSessionAsLost) {
    log_in();
    pair_.ours.reset();
    const auto why = gateway_->outcome.take();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, Errc::ConnectionLost) << why->text;
}

TEST_F(ScriptedAgent, ThatBreaksTheProtocolGetsAnOrderlyCloseAndHoldsNothing) {
    log_in();
    const auto start = Clock::now();
    ASSERT_TRUE(pair_.ours.send(frame(static_cast<wire::FrameKind>(99), 0, "")));
    EXPECT_EQ(pair_.ours.receive_all().ending, Ending::Fin);
    const auto why = gateway_->outcome.take();  // although this peer never closes
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, Errc::ProtocolViolation) << why->text;
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(ScriptedAgent, ThatNeverReadsCannotDelayACloseBeyondItsDeadline) {
    log_in();
    const std::string text(16'000, 'x');
    test::run_on(gateway_->executor(), [&] {
        for (int i = 0; i < 15; ++i) {
            (void)gateway_->tunnel().send_message(wire::FrameKind::GoAway, 0, as_bytes(text));
        }
        gateway_->tunnel().close(Clock::now() + std::chrono::milliseconds(100));
    });
    const auto start = Clock::now();
    const auto why = gateway_->outcome.take();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, Errc::Cancelled);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(ScriptedAgent, FindsMethodsOfAnEndedTunnelHarmless) {
    log_in();
    pair_.ours.close();
    ASSERT_TRUE(gateway_->outcome.take());
    auto visitor = test::tcp_pair();
    test::run_on(gateway_->executor(), [&] {
        auto& tunnel = gateway_->tunnel();
        EXPECT_FALSE(tunnel.open(net::Socket(gateway_->executor(), visitor.theirs), wire::Open{}));
        EXPECT_FALSE(tunnel.send_message(wire::FrameKind::GoAway, 0, {}));
        tunnel.reset({1}, wire::ResetReason::Aborted, "");
        tunnel.ping();
        tunnel.close(Clock::now());
        tunnel.abort({Errc::Internal, "too late"});
        EXPECT_EQ(tunnel.stream_count(), 0U);
    });
    EXPECT_EQ(visitor.ours.receive_all().ending, Ending::Reset);
}

TEST(Tunnel, ThatNeverRanCanBeDestroyed) {
    net::WorkerPool pool(1, "test");
    WorkerResources resources(pool.executor(0));
    auto pair = test::tcp_pair();
    test::run_on(pool.executor(0), [&] {
        struct Deaf final : mux::MultiplexerEvents {
            void on_open(StreamId, const wire::Open&) override {}

            Status on_message(wire::FrameKind, std::uint32_t, ByteView) override { return {}; }

            void on_stream_ended(StreamId) override {}
        } deaf;

        auto link = std::make_unique<mux::Link>(mux::Link::Options{}, resources.chunks(), deaf,
                                                Clock::now());
        Tunnel tunnel(resources, net::Socket(pool.executor(0), pair.theirs),
                      std::make_unique<PlainChannel>(), std::move(link));
    });
    EXPECT_NE(pair.ours.receive_all().ending, Ending::Timeout);
}

TEST(Tunnel, KeepsAThousandIdleStreamsAndReturnsEveryDescriptor) {
    constexpr std::size_t kStreams = 1000;
    ASSERT_GT(net::raise_descriptor_limit().value(), 5 * kStreams);
    const auto before = open_descriptors();
    {
        TunnelPair pair({.tcp = true, .tls = true, .workers = 2});
        std::vector<test::BlockingSocket> visitors;
        std::vector<test::BlockingSocket> backends;
        for (std::size_t i = 0; i < kStreams; ++i) {
            visitors.push_back(pair.visit(test::unix_pair()));
            auto backend = pair.agent().backends.take();
            ASSERT_TRUE(backend);
            backends.push_back(std::move(*backend));
        }
        EXPECT_EQ(
            pair.on(pair.gateway(), [](TunnelEnd& end) { return end.tunnel().stream_count(); }),
            kStreams);
        for (std::size_t i = 0; i < kStreams; i += 97) {
            const auto bytes = test::pattern(i, 3000);
            ASSERT_TRUE(visitors[i].send(bytes));
            EXPECT_TRUE(backends[i].receive(bytes.size()).bytes == bytes);
            ASSERT_TRUE(backends[i].send(bytes));
            EXPECT_TRUE(visitors[i].receive(bytes.size()).bytes == bytes);
        }
    }
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace diglett::tunnel
