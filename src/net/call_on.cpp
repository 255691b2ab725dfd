#include "net/call_on.hpp"

namespace diglett::net {

template <>
Awaitable<void> call_on<void>(Executor target, Awaitable<void> work) {
    auto token =
        asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable_t<Executor>{});
    auto call = asio::co_spawn(target, std::move(work), std::move(token));
    co_await std::move(call);
}

}  // namespace diglett::net
