#include "net/call_on.hpp"

#include <atomic>
#include <memory>
#include <thread>

#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "net/sleep.hpp"
#include "net/task_group.hpp"
#include "net/worker_pool.hpp"

namespace diglett::net {
namespace {

using namespace std::chrono_literals;

struct Visit {
    std::thread::id before, during, after;
};

Awaitable<std::unique_ptr<std::thread::id>> where_am_i() {
    (void)co_await sleep_until(Clock::now() + 1ms);
    co_return std::make_unique<std::thread::id>(std::this_thread::get_id());
}

Awaitable<void> nothing() {
    co_return;
}

Awaitable<Visit> visit(Executor other) {
    Visit result;
    result.before = std::this_thread::get_id();
    auto call = call_on(other, where_am_i());
    const auto during = co_await std::move(call);
    result.during = *during;
    result.after = std::this_thread::get_id();
    co_await call_on(other, nothing());
    co_return result;
}

TEST(CallOn, RunsThereAndComesBack) {
    WorkerPool pool(2, "test");
    const auto result =
        asio::co_spawn(pool.executor(0), visit(pool.executor(1)), asio::use_future).get();
    EXPECT_EQ(result.before, result.after);
    EXPECT_NE(result.before, result.during);
}

struct Cancelled {
    bool finished_there = false;
    bool seen_here = false;
};

Awaitable<void> slow(Cancelled& result) {
    (void)co_await sleep_until(Clock::now() + 50ms);
    result.finished_there = true;
}

Awaitable<void> caller(Executor other, Cancelled& result) {
    co_await call_on(other, slow(result));
    result.seen_here = result.finished_there;
    (void)co_await sleep_until(Clock::now());  // throws
    ADD_FAILURE() << "the cancellation was forgotten";
}

Awaitable<void> cancel_caller(Executor own, Executor other, Cancelled& result) {
    TaskGroup group(own);
    group.spawn(caller(other, result));
    (void)co_await sleep_until(Clock::now() + 5ms);
    group.cancel();
    co_await group.join();
}

TEST(CallOn, IsNotInterruptedByCancellation) {
    WorkerPool pool(2, "test");
    Cancelled result;
    asio::co_spawn(pool.executor(0), cancel_caller(pool.executor(0), pool.executor(1), result),
                   asio::use_future)
        .get();
    EXPECT_TRUE(result.seen_here);
}

TEST(WorkerPool, GivesItsWorkersInTurn) {
    WorkerPool pool(3, "test");
    EXPECT_EQ(pool.size(), 3U);
    EXPECT_EQ(pool.next(), pool.executor(0));
    EXPECT_EQ(pool.next(), pool.executor(1));
    EXPECT_EQ(pool.next(), pool.executor(2));
    EXPECT_EQ(pool.next(), pool.executor(0));
}

Awaitable<void> an_hour(std::shared_ptr<int>) {
    (void)co_await sleep_until(Clock::now() + 1h);
}

TEST(WorkerPool, StopsWithWorkPendingAndDestroysIt) {
    const auto held = std::make_shared<int>();
    std::atomic<int> ended = 0;
    {
        WorkerPool pool(2, "test");
        for (std::size_t i = 0; i < 2; ++i) {
            asio::co_spawn(pool.executor(i), an_hour(held),
                           [&ended](const std::exception_ptr&) { ++ended; });
            // What came before has begun to wait once this has run.
            asio::co_spawn(pool.executor(i), nothing(), asio::use_future).get();
        }
        pool.stop();
        pool.join();
        pool.stop();
        EXPECT_EQ(held.use_count(), 3);
    }
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(ended, 0) << "what is destroyed does not end as if it had run";
}

TEST(WorkerPoolDeathTest, ExceptionThatLeavesAHandlerIsABug) {
    EXPECT_DEATH(
        {
            WorkerPool pool(1, "test");
            asio::post(pool.executor(0), [] { throw std::runtime_error("unexpected words"); });
            std::this_thread::sleep_for(10s);
        },
        "unexpected words");
}

}  // namespace
}  // namespace diglett::net
