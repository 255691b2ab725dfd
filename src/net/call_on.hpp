#pragma once

#include <optional>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "net/async.hpp"

namespace diglett::net {

namespace detail {

template <class T>
Awaitable<void> store_result(Awaitable<T> work, std::optional<T>& slot) {
    slot.emplace(co_await std::move(work));
}

}  // namespace detail

/// Runs `work` on `target` (any worker) and returns its result on the caller's own. Cancelling the
/// caller does not reach `work` and does not end the wait: `work` must have its own deadline.
/// `work` may use the caller's variables, which live until it has returned, but not touch what
/// other code of the caller's worker uses.
template <class T>
[[nodiscard]] Awaitable<T> call_on(Executor target, Awaitable<T> work) {
    auto token =
        asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable_t<Executor>{});
    std::optional<T> result;
    auto stored = detail::store_result<T>(std::move(work), result);
    auto call = asio::co_spawn(target, std::move(stored), std::move(token));
    co_await std::move(call);
    co_return std::move(*result);
}

template <>
[[nodiscard]] Awaitable<void> call_on<void>(Executor target, Awaitable<void> work);

}  // namespace diglett::net
