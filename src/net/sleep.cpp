#include "net/sleep.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace diglett::net {

Awaitable<bool> sleep_until(TimePoint when) {
    const auto executor = co_await asio::this_coro::executor;
    asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer(executor, when);
    const auto [error] = co_await timer.async_wait(kAwait);
    co_return !error;
}

}  // namespace diglett::net
