#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/async.hpp"
#include "net/endpoint.hpp"
#include "net/socket.hpp"

namespace diglett::net {

/// Why no connection came about; for decisions, where the text is for people.
enum class DialFailure : std::uint8_t {
    Refused,     ///< Nothing listens there (or a unix socket is missing).
    TimedOut,    ///< The deadline passed, or the network's own time-out.
    Unresolved,  ///< The name has no address, or the name service failed.
    Cancelled,
    Other,  ///< Unreachable, permission, out of descriptors...
};

/// `error.code` is IoFailed, TimedOut (DialFailure::TimedOut) or Cancelled; the text names the
/// endpoint and the cause: "example.com:80: connection refused". Callers give it their own code.
struct DialError {
    DialFailure kind;
    Error error;
};

using DialResult = std::expected<Socket, DialError>;

/// Resolves and connects, all addresses side by side: the next one starts 250 ms after the last or
/// as soon as that failed, families alternating (RFC 8305 section 5). The first connection wins. IP
/// addresses and "localhost" need no name service; other names are looked up in threads
/// (Lookups), never in the event loop.
/// @param deadline end of the whole attempt, name service included.
[[nodiscard]] Awaitable<DialResult> dial(Endpoint endpoint, TimePoint deadline);

/// Whether `endpoint` is a unix socket, "localhost" or a loopback address: its other end cannot
/// vanish without a word, and connects at once or not at all.
[[nodiscard]] bool is_on_this_machine(const Endpoint& endpoint);

/// Connects to such an endpoint within this call, without coroutine, timer and event loop.
/// @return nothing when no connection came about at once; dial() tries again and tells why. An
/// error when one did and is broken already: trying again would make a second one for the same
/// visitor.
[[nodiscard]] std::optional<DialResult> dial_at_once(Executor executor, const Endpoint& endpoint);

}  // namespace diglett::net
