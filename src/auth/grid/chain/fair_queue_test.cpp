#include "auth/grid/chain/fair_queue.hpp"

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "net/sleep.hpp"
#include "net/task_group.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::auth::grid {
namespace {

class FairQueueTest : public testing::Test {
  protected:
    net::Awaitable<void> go(std::string source) {
        auto entering = queue_.enter(source, Clock::now() + std::chrono::seconds(5));
        const auto slot = co_await std::move(entering);
        went_ += slot ? source : slot.error() == FairQueue::Refusal::Full ? "!" : "?";
        (void)co_await net::asio::post(net::kAwait);
    }

    /// Runs all of `sources`, one letter each, which come in this order while one is inside.
    std::string run(const std::string& sources) {
        net::TaskGroup tasks(context_.get_executor());
        test::run_coroutine(context_, run_all(tasks, sources));
        EXPECT_EQ(queue_.in_use(), 0U);
        EXPECT_EQ(queue_.waiting(), 0U);
        return went_;
    }

    net::Awaitable<void> run_all(net::TaskGroup& tasks, const std::string& sources) {
        auto entering = queue_.enter("-", kNever);
        std::optional slot = co_await std::move(entering);
        for (const char source : sources) {
            tasks.spawn(go(std::string(1, source)));
        }
        auto pausing = net::sleep_until(Clock::now() + std::chrono::milliseconds(20));
        (void)co_await std::move(pausing);
        slot.reset();
        co_await tasks.join();
    }

    net::Awaitable<void> give_up_and_come_again() {
        auto entering = queue_.enter("a", kNever);
        std::optional slot = co_await std::move(entering);
        auto waiting = queue_.enter("b", Clock::now() + std::chrono::milliseconds(1));
        const auto refused = co_await std::move(waiting);
        EXPECT_FALSE(refused);
        EXPECT_EQ(queue_.waiting(), 0U);
        slot.reset();
        auto again = queue_.enter("b", kNever);
        const auto entered = co_await std::move(again);
        EXPECT_TRUE(entered);
    }

    net::Awaitable<void> cancel_all(net::TaskGroup& tasks) {
        auto entering = queue_.enter("-", kNever);
        std::optional slot = co_await std::move(entering);
        for (int i = 0; i < 4; ++i) {
            tasks.spawn(go("a"));
        }
        auto pausing = net::sleep_until(Clock::now() + std::chrono::milliseconds(20));
        (void)co_await std::move(pausing);
        tasks.cancel();
        slot.reset();  // the first of them has it when the cancellation arrives
        co_await tasks.join();
    }

    net::asio::io_context context_;
    FairQueue queue_{context_.get_executor(),
                     {.at_once = 1, .waiting = 8, .waiting_per_source = 6}};
    std::string went_;
};

TEST_F(FairQueueTest, ServesTheSourcesInTurn) {
    EXPECT_EQ(run("aaaabcb"), "abcabaa");
}

TEST_F(FairQueueTest, RefusesBeyondTheLimitOfASource) {
    EXPECT_EQ(run("aaaaaaaab"), "!!abaaaaa");
}

TEST_F(FairQueueTest, RefusesBeyondTheLimitOfAll) {
    EXPECT_EQ(run("aaaabbbbc"), "!abababab");
}

TEST_F(FairQueueTest, PassesOnWhatAnImpatientOneLeft) {
    test::run_coroutine(context_, give_up_and_come_again());
    EXPECT_EQ(queue_.in_use(), 0U);
}

TEST_F(FairQueueTest, LosesNoSlotWhenWaitersAreCancelled) {
    net::TaskGroup tasks(context_.get_executor());
    test::run_coroutine(context_, cancel_all(tasks));
    EXPECT_EQ(queue_.in_use(), 0U);
    EXPECT_EQ(queue_.waiting(), 0U);
}

}  // namespace
}  // namespace diglett::auth::grid
