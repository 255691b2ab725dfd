#include "net/event.hpp"

#include <gtest/gtest.h>

#include "net/sleep.hpp"
#include "net/task_group.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::net {
namespace {

using namespace std::chrono_literals;

Awaitable<void> notify_after(Event& event, Duration delay) {
    (void)co_await sleep_until(Clock::now() + delay);
    event.notify();
}

Awaitable<void> expect_wait(Event& event, Duration limit, bool expected) {
    const bool notified = co_await event.wait_until(Clock::now() + limit);
    EXPECT_EQ(notified, expected);
}

TEST(Event, KeepsANotificationForTheNextWaitAndOnlyOne) {
    asio::io_context context(1);
    Event event(context.get_executor());
    event.notify();
    event.notify();
    test::run_coroutine(context, expect_wait(event, 10s, true));
    test::run_coroutine(context, expect_wait(event, 1ms, false));
}

TEST(Event, WakesTheWaiterLongBeforeItsDeadline) {
    asio::io_context context(1);
    Event event(context.get_executor());
    asio::co_spawn(context.get_executor(), notify_after(event, 5ms),
                   [](const std::exception_ptr&) {});
    const auto start = Clock::now();
    test::run_coroutine(context, expect_wait(event, 15s, true));
    EXPECT_LT(Clock::now() - start, 10s);
}

TEST(Event, WaitsForEverUntilNotified) {
    asio::io_context context(1);
    Event event(context.get_executor());
    asio::co_spawn(context.get_executor(), notify_after(event, 5ms),
                   [](const std::exception_ptr&) {});
    test::run_coroutine(context, [](Event& waited) -> Awaitable<void> {
        EXPECT_TRUE(co_await waited.wait_until(kNever));
    }(event));
}

}  // namespace
}  // namespace diglett::net
