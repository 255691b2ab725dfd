#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/async.hpp"
#include "net/socket.hpp"

namespace diglett::net {

/// As Socket::wait_readable and wait_writable, with an end. `socket` outlives the wait; other waits
/// on it go on.
/// @return TimedOut at `deadline` (kNever: waits for ever), Cancelled, IoFailed.
[[nodiscard]] Awaitable<Status> wait_readable(Socket& socket, TimePoint deadline);
[[nodiscard]] Awaitable<Status> wait_writable(Socket& socket, TimePoint deadline);

}  // namespace diglett::net
