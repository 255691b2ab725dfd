#pragma once

#include <cstddef>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/async.hpp"
#include "net/socket.hpp"

namespace diglett::gateway {

/// First byte of a TLS handshake record, and of protocol 1's magic `digl`. (protocol 2.1)
inline constexpr std::byte kFirstByteTls{0x16};
inline constexpr std::byte kFirstByteV1{0x64};

/// Waits for the first byte of a connection and looks at it without taking it.
/// @return TimedOut, EndOfStream or ConnectionLost.
[[nodiscard]] net::Awaitable<Result<std::byte>> await_first_byte(net::Socket& carrier,
                                                                 TimePoint deadline);

/// One line of plain text for whoever connected with something else, then a close.
[[nodiscard]] net::Awaitable<void> explain_port(net::Socket& carrier);

}  // namespace diglett::gateway
