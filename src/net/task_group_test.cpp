#include "net/task_group.hpp"

#include <stdexcept>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "net/sleep.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::net {
namespace {

using namespace std::chrono_literals;

Awaitable<void> note(std::vector<int>& notes, int value) {
    notes.push_back(value);
    co_return;
}

Awaitable<void> wait_for_ever(std::vector<int>& notes) {
    const auto executor = co_await asio::this_coro::executor;
    Event never(executor);
    notes.push_back(1);
    (void)co_await never.wait_until(kNever);
    notes.push_back(2);
    (void)co_await never.wait_until(kNever);  // throws: the task was cancelled
    notes.push_back(3);
}

Awaitable<void> cancel_and_join(TaskGroup& group) {
    (void)co_await sleep_until(Clock::now() + 5ms);
    group.cancel();
    co_await group.join();
}

TEST(TaskGroup, RunsTasksFromTheLoopAndJoinsThem) {
    asio::io_context context(1);
    TaskGroup group(context.get_executor());
    std::vector<int> notes;
    group.spawn(note(notes, 1));
    group.spawn(note(notes, 2));
    EXPECT_TRUE(notes.empty());
    test::run_coroutine(context, group.join());
    EXPECT_EQ(notes, (std::vector{1, 2}));
    EXPECT_EQ(group.size(), 0U);
}

Awaitable<void> spawn_within(TaskGroup& group, std::vector<int>& notes) {
    (void)co_await sleep_until(Clock::now());
    group.spawn(note(notes, 1));
    notes.push_back(0);
    co_await group.join();
}

TEST(TaskGroup, StartsNoTaskWithinSpawn) {
    asio::io_context context(1);
    TaskGroup group(context.get_executor());
    std::vector<int> notes;
    test::run_coroutine(context, spawn_within(group, notes));
    EXPECT_EQ(notes, (std::vector{0, 1}));
}

TEST(TaskGroup, CancelEndsWhatEveryTaskWaitsForAndDropsLaterTasks) {
    asio::io_context context(1);
    TaskGroup group(context.get_executor());
    std::vector<int> notes;
    group.spawn(wait_for_ever(notes));
    group.spawn(wait_for_ever(notes));
    test::run_coroutine(context, cancel_and_join(group));
    EXPECT_EQ(notes, (std::vector{1, 1, 2, 2}));
    group.spawn(note(notes, 9));
    EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, CancelKeepsATaskFromStarting) {
    asio::io_context context(1);
    TaskGroup group(context.get_executor());
    std::vector<int> notes;
    group.spawn(wait_for_ever(notes));
    group.cancel();
    test::run_coroutine(context, group.join());
    EXPECT_TRUE(notes.empty());
}

/// The group of a task that is itself cancelled: the children are joined before it goes.
Awaitable<void> owner(std::vector<int>& notes) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    TaskGroup children(executor);
    children.spawn(wait_for_ever(notes));
    Event never(executor);
    (void)co_await never.wait_until(kNever);
    children.cancel();
    co_await children.join();
    notes.push_back(7);
}

TEST(TaskGroup, OfACancelledTaskCanBeJoinedByIt) {
    asio::io_context context(1);
    TaskGroup group(context.get_executor());
    std::vector<int> notes;
    group.spawn(owner(notes));
    test::run_coroutine(context, cancel_and_join(group));
    EXPECT_EQ(notes, (std::vector{1, 2, 7}));
}

Awaitable<void> throw_something() {
    co_await sleep_until(Clock::now());
    throw std::runtime_error("unexpected words");
}

TEST(TaskGroupDeathTest, ExceptionOfATaskIsABug) {
    EXPECT_DEATH(
        {
            asio::io_context context(1);
            TaskGroup group(context.get_executor());
            group.spawn(throw_something());
            context.run();
        },
        "unexpected words");
}

TEST(TaskGroupDeathTest, DestroyedWithRunningTasksIsABug) {
    EXPECT_DEATH(
        {
            asio::io_context context(1);
            std::vector<int> notes;
            TaskGroup group(context.get_executor());
            group.spawn(wait_for_ever(notes));
        },
        "running.empty");
}

}  // namespace
}  // namespace diglett::net
