#include "tunnel/tunnel.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "test/support/tunnel_pair.hpp"

namespace diglett::tunnel {
namespace {

using test::BlockingSocket;
using test::Ending;
using test::pattern;
using test::Setup;
using test::TunnelEnd;
using test::TunnelPair;

constexpr std::size_t kMiB = 1024 * 1024;

/// Sanitizers slow everything down tenfold.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t kBulkBytes = 4 * kMiB;
#else
constexpr std::size_t kBulkBytes = 48 * kMiB;
#endif

class TunnelOver : public testing::TestWithParam<Setup> {
  protected:
    TunnelPair pair_{GetParam()};
};

std::string name_of(const testing::TestParamInfo<Setup>& info) {
    return std::string(info.param.tcp ? "Tcp" : "Unix") + (info.param.tls ? "Tls" : "Plain") +
           std::to_string(info.param.workers);
}

INSTANTIATE_TEST_SUITE_P(Carriers, TunnelOver,
                         testing::Values(Setup{.tcp = false, .tls = false, .workers = 1},
                                         Setup{.tcp = false, .tls = false, .workers = 2},
                                         Setup{.tcp = true, .tls = false, .workers = 2},
                                         Setup{.tcp = true, .tls = true, .workers = 1},
                                         Setup{.tcp = true, .tls = true, .workers = 2}),
                         name_of);

/// Sends `bytes` and a FIN beside whatever else the test does.
std::jthread send_beside(BlockingSocket& socket, const std::string& bytes) {
    return std::jthread([&] {
        EXPECT_TRUE(socket.send(bytes));
        socket.shutdown_write();
    });
}

TEST_P(TunnelOver, CarriesBytesBothWaysAtOnceAndBothFins) {
    auto visitor = pair_.visit();
    auto backend = pair_.agent().backends.take();
    ASSERT_TRUE(backend);
    const auto request = pattern(1, kBulkBytes);
    const auto answer = pattern(2, kBulkBytes + 12345);
    const auto visitor_sends = send_beside(visitor, request);
    const auto backend_sends = send_beside(*backend, answer);
    std::jthread backend_reads([&] {
        const auto got = backend->receive_all();
        EXPECT_TRUE(got.bytes == request);
        EXPECT_EQ(got.ending, Ending::Fin);
    });
    const auto got = visitor.receive_all();
    EXPECT_TRUE(got.bytes == answer);
    EXPECT_EQ(got.ending, Ending::Fin);
    backend_reads.join();
    EXPECT_TRUE(pair_.gateway().ended.take());
    EXPECT_TRUE(pair_.agent().ended.take());
}

TEST_P(TunnelOver, KeepsAnswerGoingAfterVisitorsHalfClose) {
    auto visitor = pair_.visit();
    auto backend = pair_.agent().backends.take();
    ASSERT_TRUE(backend);
    ASSERT_TRUE(visitor.send("question"));
    visitor.shutdown_write();
    const auto question = backend->receive_all();
    EXPECT_EQ(question.bytes, "question");
    EXPECT_EQ(question.ending, Ending::Fin);

    const auto answer = pattern(3, 3 * kMiB);
    const auto sends = send_beside(*backend, answer);
    const auto got = visitor.receive_all();
    EXPECT_TRUE(got.bytes == answer);
    EXPECT_EQ(got.ending, Ending::Fin);
}

TEST_P(TunnelOver, KeepsManyStreamsApart) {
    constexpr std::size_t kStreams = 40;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kStreams; ++i) {
        auto visitor = pair_.visit();
        auto backend = pair_.agent().backends.take();
        ASSERT_TRUE(backend);
        const auto size = std::size_t{1} << (i % 20);
        threads.emplace_back([i, size, visitor = std::move(visitor)]() mutable {
            const auto bytes = pattern(100 + i, size);
            EXPECT_TRUE(visitor.send(bytes));
            visitor.shutdown_write();
            const auto echoed = visitor.receive_all();
            EXPECT_TRUE(echoed.bytes == bytes) << "stream " << i;
            EXPECT_EQ(echoed.ending, Ending::Fin);
        });
        threads.emplace_back([backend = std::move(*backend)]() mutable {
            while (true) {
                const auto piece = backend.receive(1);
                if (piece.bytes.empty()) {
                    break;
                }
                std::array<char, 65536> rest{};
                const auto more = ::recv(backend.fd(), rest.data(), rest.size(), MSG_DONTWAIT);
                EXPECT_TRUE(backend.send(piece.bytes));
                if (more > 0) {
                    EXPECT_TRUE(backend.send({rest.data(), static_cast<std::size_t>(more)}));
                }
            }
            backend.shutdown_write();
        });
    }
    threads.clear();
}

TEST_P(TunnelOver, PassesResetsBothWays) {
    for (const bool from_visitor : {true, false}) {
        auto visitor = pair_.visit();
        auto backend = pair_.agent().backends.take();
        ASSERT_TRUE(backend);
        ASSERT_TRUE(visitor.send("x"));
        ASSERT_EQ(backend->receive(1).bytes, "x");
        auto& breaks = from_visitor ? visitor : *backend;
        auto& sees = from_visitor ? *backend : visitor;
        breaks.reset();
        EXPECT_EQ(sees.receive_all().ending, Ending::Reset);
    }
}

/// The system keeps so little of what `theirs` sends that this renews no stream's window.
test::SocketPair narrow_pair() {
    auto pair = test::tcp_pair();
    const int bytes = 4096;
    EXPECT_EQ(::setsockopt(pair.ours.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    EXPECT_EQ(::setsockopt(pair.theirs, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    return pair;
}

/// Bytes on their way between two sockets, in the system.
std::uint64_t kept_between(int sender, int receiver) {
    int sent = 0;
    int arrived = 0;
    EXPECT_EQ(::ioctl(sender, SIOCOUTQ, &sent), 0);
    EXPECT_EQ(::ioctl(receiver, SIOCINQ, &arrived), 0);
    return static_cast<std::uint64_t>(sent + arrived);
}

TEST_P(TunnelOver, PassesResetOfVisitorWhoseStreamHasNoCredit) {
    int theirs = -1;
    pair_.on(pair_.agent(), [&theirs](TunnelEnd& end) {
        end.make_backend = [&theirs] {
            auto pair = narrow_pair();
            theirs = pair.theirs;
            return pair;
        };
    });
    auto visitor = pair_.visit();
    auto backend = pair_.agent().backends.take();
    ASSERT_TRUE(backend);
    ASSERT_TRUE(visitor.send(pattern(4, mux::kInitialStreamWindowBytes + 32 * 1024)));
    // Once the whole window waits for the backend, the rest cannot leave the visitor's socket.
    const auto deadline = Clock::now() + test::kPatience;
    std::uint64_t waiting = 0;
    while (waiting != mux::kInitialStreamWindowBytes && Clock::now() < deadline) {
        waiting = pair_.on(pair_.agent(), [&](TunnelEnd& end) {
            return end.link().figures().buffered + kept_between(theirs, backend->fd());
        });
    }
    ASSERT_EQ(waiting, mux::kInitialStreamWindowBytes);
    visitor.reset();
    const auto got = backend->receive_all();
    EXPECT_EQ(got.ending, Ending::Reset);
}

TEST_P(TunnelOver, DeliversWholeAnswerOfBackendThatBreaksOffAfterwards) {
    auto visitor = pair_.visit();
    auto backend = pair_.agent().backends.take();
    ASSERT_TRUE(backend);
    ASSERT_TRUE(visitor.send("unread"));  // makes the backend's close a reset
    ASSERT_TRUE(backend->send("answer"));
    ASSERT_EQ(visitor.receive(6).bytes, "answer");
    backend->reset();
    EXPECT_EQ(visitor.receive_all().ending, Ending::Reset);
}

TEST_P(TunnelOver, LetsFastReaderPassOneThatHasStopped) {
    auto stopped = pair_.visit();
    auto stopped_backend = pair_.agent().backends.take();
    auto visitor = pair_.visit();
    auto backend = pair_.agent().backends.take();
    ASSERT_TRUE(stopped_backend && backend);
    const auto flood = pattern(5, kBulkBytes);
    std::jthread flooding(
        [&] { (void)stopped.send(flood); });  // never read; ends when the session does

    const auto bytes = pattern(6, kBulkBytes);
    const auto sends = send_beside(visitor, bytes);
    const auto got = backend->receive_all();
    EXPECT_TRUE(got.bytes == bytes);
    EXPECT_EQ(got.ending, Ending::Fin);
    pair_.stop();
}

TEST_P(TunnelOver, SendsWhatIsQueuedBeforeItCloses) {
    auto visitor = pair_.visit();
    auto backend = pair_.agent().backends.take();
    ASSERT_TRUE(backend);
    const std::string text(10'000, 'x');
    pair_.on(pair_.gateway(), [&](TunnelEnd& end) {
        for (int i = 0; i < 20; ++i) {
            EXPECT_TRUE(end.tunnel().send_message(wire::FrameKind::GoAway, 0, as_bytes(text)));
        }
        end.tunnel().close(Clock::now() + test::kPatience);
    });
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(pair_.agent().goaways.take(), text);
    }
    const auto gateway = pair_.gateway().outcome.take();
    const auto agent = pair_.agent().outcome.take();
    ASSERT_TRUE(gateway && agent);
    EXPECT_EQ(gateway->code, Errc::Cancelled);
    EXPECT_EQ(agent->code, GetParam().tls ? Errc::EndOfStream : Errc::ConnectionLost)
        << agent->text;
    EXPECT_EQ(visitor.receive_all().ending, Ending::Reset);
    EXPECT_EQ(backend->receive_all().ending, Ending::Reset);
}

TEST_P(TunnelOver, EndsEveryStreamWithResetWhenItEnds) {
    std::vector<BlockingSocket> outside;
    for (int i = 0; i < 10; ++i) {
        outside.push_back(pair_.visit());
        auto backend = pair_.agent().backends.take();
        ASSERT_TRUE(backend);
        outside.push_back(std::move(*backend));
    }
    pair_.on(pair_.agent(),
             [](TunnelEnd& end) { end.tunnel().abort({Errc::Internal, "the test says so"}); });
    const auto agent = pair_.agent().outcome.take();
    const auto gateway = pair_.gateway().outcome.take();
    ASSERT_TRUE(agent && gateway);
    EXPECT_EQ(agent->code, Errc::Internal);
    EXPECT_EQ(gateway->code, Errc::ConnectionLost) << gateway->text;
    for (auto& socket : outside) {
        EXPECT_EQ(socket.receive_all().ending, Ending::Reset);
    }
}

}  // namespace
}  // namespace diglett::tunnel
