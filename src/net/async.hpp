#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace diglett::net {

namespace asio = boost::asio;

/// Every executor of the program is that of an io_context run by one thread, so nothing on it needs
/// a lock.
using Executor = asio::io_context::executor_type;

template <class T>
using Awaitable = asio::awaitable<T, Executor>;

/// The token of every await: errors come back as values, never as exceptions.
inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});

}  // namespace diglett::net
