#pragma once

#include <string>

#include "base/ids.hpp"
#include "net/async.hpp"
#include "wire/message.hpp"

namespace diglett::gateway {

/// What the control side asks of a live session. The coroutines run on the session's own worker
/// (net::call_on with executor()); each ends within its bound whatever the peer does.
class SessionHandle {
  public:
    virtual ~SessionHandle() = default;

    [[nodiscard]] virtual net::Executor executor() const = 0;

    /// Asks the agent for a sign of life. @return whether one came in time. (protocol 9.4)
    [[nodiscard]] virtual net::Awaitable<bool> probe() = 0;

    /// Takes a name away: its helper port is closed, its streams are reset and the agent is told
    /// why. Returns when the port is free.
    [[nodiscard]] virtual net::Awaitable<bool> lose_name(RegistrationId registration,
                                                         wire::Refusal why) = 0;

    /// Ends the whole session, telling the agent why. Returns when no port of it is bound.
    [[nodiscard]] virtual net::Awaitable<bool> end(wire::Refusal why) = 0;
};

}  // namespace diglett::gateway
