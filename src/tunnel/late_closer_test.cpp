#include "tunnel/late_closer.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/blocking_socket.hpp"
#include "tunnel/limits.hpp"

namespace diglett::tunnel {
namespace {

using namespace std::chrono_literals;
using test::BlockingSocket;
using test::Ending;

class LateCloserTest : public testing::Test {
  protected:
    void add(LateCloser& closer) {
        auto pair = test::tcp_pair();
        closer.add(net::Socket(context_.get_executor(), pair.theirs));
        peers_.push_back(std::move(pair.ours));
    }

    /// Whether the peer has our FIN, now.
    static bool has_ended(const BlockingSocket& peer) {
        char byte = 0;
        return ::recv(peer.fd(), &byte, 1, MSG_DONTWAIT) == 0;
    }

    [[nodiscard]] std::size_t ended() const {
        return static_cast<std::size_t>(std::ranges::count_if(peers_, has_ended));
    }

    net::asio::io_context context_{1};
    std::vector<BlockingSocket> peers_;
};

TEST_F(LateCloserTest, ClosesAMomentLaterAFewAtATime) {
    LateCloser closer(context_.get_executor());
    for (unsigned i = 0; i < 2 * kClosesPerTurn + 1; ++i) {
        add(closer);
    }
    context_.poll();
    EXPECT_EQ(ended(), 0U);
    context_.run_one_for(10s);
    EXPECT_EQ(ended(), kClosesPerTurn);
    context_.run_one_for(10s);
    EXPECT_EQ(ended(), 2 * kClosesPerTurn);
    EXPECT_EQ(context_.run_for(10s), 1U);
    EXPECT_EQ(ended(), peers_.size());
}

TEST_F(LateCloserTest, StartsAgainAfterAPause) {
    LateCloser closer(context_.get_executor());
    for (int i = 0; i < 2; ++i) {
        add(closer);
        context_.restart();
        context_.run_for(10s);
        EXPECT_TRUE(has_ended(peers_.back()));
    }
}

TEST_F(LateCloserTest, ClosesTheOldestWhenTooManyWait) {
    LateCloser closer(context_.get_executor());
    for (std::size_t i = 0; i < kMaxLateCloses + 2; ++i) {
        add(closer);
    }
    EXPECT_EQ(ended(), 2U);
    EXPECT_TRUE(has_ended(peers_[0]) && has_ended(peers_[1]));
}

TEST_F(LateCloserTest, ClosesWhatWaitsAfterItHasGone) {
    {
        LateCloser closer(context_.get_executor());
        add(closer);
    }
    EXPECT_EQ(ended(), 0U);
    context_.run_for(10s);
    EXPECT_EQ(ended(), 1U);
}

TEST_F(LateCloserTest, ClosesWhatWaitsWhenTheEventLoopGoes) {
    auto context = std::make_unique<net::asio::io_context>(1);
    auto pair = test::tcp_pair();
    {
        LateCloser closer(context->get_executor());
        closer.add(net::Socket(context->get_executor(), pair.theirs));
    }
    context.reset();
    EXPECT_TRUE(has_ended(pair.ours));
}

}  // namespace
}  // namespace diglett::tunnel
