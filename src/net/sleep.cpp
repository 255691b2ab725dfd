#include "net/sleep.hpp"

#include <boost/asio/this_coro.hpp>

#include "net/timer.hpp"

namespace diglett::net {

Awaitable<bool> sleep_until(TimePoint when) {
    const auto executor = co_await asio::this_coro::executor;
    Timer timer(executor, when);
    const auto [error] = co_await timer.async_wait(kAwait);
    co_return !error;
}

}  // namespace diglett::net
