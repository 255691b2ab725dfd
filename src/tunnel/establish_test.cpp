#include "tunnel/establish.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "test/support/tunnel_pair.hpp"

namespace diglett::tunnel {
namespace {

using test::BlockingSocket;
using test::Ending;
using test::SocketPair;

/// A gateway's side of the handshake on a worker, and the peer's socket.
class Establish : public testing::Test {
  protected:
    Status run(int fd, Duration limit) {
        return boost::asio::co_spawn(pool_.executor(0), server(fd, limit), boost::asio::use_future)
            .get();
    }

    net::Awaitable<Status> server(int fd, Duration limit) {
        net::Socket carrier(resources_.executor(), fd);
        const auto channel = tls_->accept();
        co_return co_await establish(carrier, *channel, resources_, Clock::now() + limit);
    }

    net::WorkerPool pool_{1, "test"};
    WorkerResources resources_{pool_.executor(0)};
    Result<crypto::ServerTls> tls_ = crypto::ServerTls::create(crypto::IdentityKey::generate());
};

TEST_F(Establish, TimesOutOnSilentPeer) {
    const auto pair = test::tcp_pair();
    const auto start = Clock::now();
    const auto status = run(pair.theirs, std::chrono::milliseconds(50));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::TimedOut);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
}

TEST_F(Establish, TellsThatPeerWentAway) {
    auto pair = test::tcp_pair();
    ASSERT_TRUE(pair.ours.send("\x16\x03\x01"));
    pair.ours.shutdown_write();
    const auto status = run(pair.theirs, test::kPatience);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::ConnectionLost);
}

TEST_F(Establish, RefusesWhatIsNotTls) {
    auto pair = test::tcp_pair();
    ASSERT_TRUE(pair.ours.send("GET / HTTP/1.1\r\n\r\n"));
    const auto status = run(pair.theirs, test::kPatience);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::TlsFailed);
}

/// The peer's last handshake bytes and its first application bytes in one segment: nothing of them
/// may be lost.
TEST_F(Establish, LeavesBytesBehindTheHandshakeForTheTunnel) {
    auto pair = test::tcp_pair();
    auto carrier = test::run_on(pool_.executor(0),
                                [&] { return net::Socket(resources_.executor(), pair.theirs); });
    const auto server = tls_->accept();
    auto established = boost::asio::co_spawn(
        pool_.executor(0), establish(carrier, *server, resources_, Clock::now() + test::kPatience),
        boost::asio::use_future);

    const auto client = crypto::ClientTls::create({})->connect("");
    ByteVector out;
    auto state = client->advance(out);
    while (state && *state == crypto::Channel::State::Handshaking) {
        ASSERT_TRUE(pair.ours.send(as_text(out)));
        out.clear();
        const auto piece = pair.ours.receive(1);
        ASSERT_EQ(piece.bytes.size(), 1U);
        client->feed(as_bytes(piece.bytes));
        state = client->advance(out);
    }
    ASSERT_TRUE(state);
    const auto text = test::pattern(1, 40'000);
    const ByteView part = as_bytes(text);
    ASSERT_TRUE(client->seal(std::span(&part, 1), out));
    ASSERT_TRUE(pair.ours.send(as_text(out)));
    ASSERT_TRUE(established.get());

    std::string opened;
    for (const auto start = Clock::now();
         opened.size() < text.size() && Clock::now() - start < test::kPatience;) {
        test::run_on(pool_.executor(0), [&] {
            const auto result = carrier.read_some(resources_.ciphertext());
            server->feed(resources_.ciphertext().first(result.bytes));
            ByteVector answers;
            const auto count = server->open(resources_.plaintext(), answers);
            ASSERT_TRUE(count);
            opened += as_text(resources_.plaintext().first(*count));
        });
    }
    EXPECT_TRUE(opened == text);
    test::run_on(pool_.executor(0), [&] { carrier.close(); });
}

}  // namespace
}  // namespace diglett::tunnel
