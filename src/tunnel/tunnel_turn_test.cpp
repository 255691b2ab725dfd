// What a tunnel sends within one turn of the event loop, and what it leaves for its end.
#include <poll.h>

#include <gtest/gtest.h>

#include "test/support/tunnel_pair.hpp"
#include "tunnel/limits.hpp"
#include "wire/frame_codec.hpp"

namespace diglett::tunnel {
namespace {

using wire::FrameKind;

constexpr std::chrono::milliseconds kLong{10'000};

/// A gateway's end without encryption; the test is its agent.
class TunnelTurn : public testing::Test {
  protected:
    TunnelTurn() : carrier_(test::tcp_pair()) {
        run([this] {
            gateway_ = std::make_unique<test::TunnelEnd>(
                mux::Role::Gateway, resources_, net::Socket(pool_.executor(0), carrier_.theirs),
                std::make_unique<test::PlainChannel>());
        });
    }

    ~TunnelTurn() override {
        boost::asio::co_spawn(pool_.executor(0), destroy(std::move(gateway_)),
                              boost::asio::use_future)
            .get();
    }

    static net::Awaitable<void> destroy(std::unique_ptr<test::TunnelEnd> end) {
        end->tunnel().abort({Errc::Cancelled, "the test is over"});
        co_await end->group().join();
    }

    /// In one turn of the event loop.
    template <class Work>
    void run(Work work) {
        test::run_on(pool_.executor(0), [&] {
            work();
            return true;
        });
    }

    void log_in() {
        wire::Hello hello;
        hello.link_limit = mux::kInitialLinkWindowBytes;
        hello.stream_limit = mux::kInitialStreamWindowBytes;
        ByteVector payload;
        wire::encode(hello, payload);
        ByteVector frames;
        wire::append_frame(FrameKind::Hello, 0, payload, frames);
        wire::append_frame(FrameKind::Login, 0, {}, frames);
        wire::append_frame(FrameKind::FinishRegister, 0, {}, frames);
        ASSERT_TRUE(carrier_.ours.send(as_text(frames)));
        ASSERT_TRUE(gateway_->ready.take());
        run([] {});  // The turn of the login is over.
    }

    void open_visitor() {
        auto pair = test::tcp_pair();
        ASSERT_TRUE(gateway_->tunnel().open(net::Socket(pool_.executor(0), pair.theirs), {}));
        visitors_.push_back(std::move(pair.ours));
    }

    /// Whether the agent gets anything within `wait`; takes all that is there.
    bool takes_something(std::chrono::milliseconds wait = {}) {
        pollfd readable{.fd = carrier_.ours.fd(), .events = POLLIN, .revents = 0};
        bool has_taken = false;
        while (::poll(&readable, 1, static_cast<int>(wait.count())) == 1) {
            std::array<char, 4096> bytes;
            has_taken = ::recv(readable.fd, bytes.data(), bytes.size(), 0) > 0 || has_taken;
            wait = {};
        }
        return has_taken;
    }

    net::WorkerPool pool_{1, "test"};
    WorkerResources resources_{pool_.executor(0)};
    test::SocketPair carrier_;
    std::unique_ptr<test::TunnelEnd> gateway_;
    std::vector<test::BlockingSocket> visitors_;
};

TEST_F(TunnelTurn, SendsItsFirstFramesAtOnceAndThoseOfEightMoreTogether) {
    log_in();
    run([this] {
        takes_something();
        open_visitor();
        EXPECT_TRUE(takes_something(kLong)) << "the first";
        for (unsigned i = 1; i < kEventsPerFlush; ++i) {
            open_visitor();
        }
        EXPECT_FALSE(takes_something()) << "fewer than eight more";
        open_visitor();
        EXPECT_TRUE(takes_something(kLong)) << "eight more";
        open_visitor();
        EXPECT_FALSE(takes_something()) << "the last";
    });
    EXPECT_TRUE(takes_something(kLong)) << "its turn is over";
}

}  // namespace
}  // namespace diglett::tunnel
