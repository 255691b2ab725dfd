#pragma once

#include <cstdint>
#include <string_view>

namespace diglett::wire {

/// Why a stream was reset; travels in Reset. Unknown numbers are treated as Aborted. (protocol 6.5)
enum class ResetReason : std::uint16_t {
    Aborted = 0,         ///< The outside end was reset or failed.
    BackendRefused = 1,  ///< The agent could not connect: refused.
    BackendTimeout = 2,  ///< The agent could not connect in time.
    BackendUnknown = 3,  ///< The registration is unknown or its backend cannot be resolved.
    SlowReader = 4,      ///< Reset to keep the session alive. (protocol 5.4)
    SessionEnded = 5,    ///< The session is over: revoked, replaced, drained or lost.
    LimitReached = 6,    ///< Too many streams or dials.
    Shutdown = 7,        ///< The program stops.
};

/// A word for logs, such as `backend-refused`.
[[nodiscard]] std::string_view to_string(ResetReason reason);

}  // namespace diglett::wire
