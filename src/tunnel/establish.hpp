#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/channel.hpp"
#include "net/async.hpp"
#include "net/socket.hpp"
#include "tunnel/worker_resources.hpp"

namespace diglett::tunnel {

/// Runs the handshake of `channel` over `carrier`. No byte that the peer sent behind its handshake
/// is lost: it is read later, by the Tunnel that gets both.
/// @return TimedOut at `deadline`; ConnectionLost when the peer goes away; what Channel::advance
/// returns, after its alert was sent as far as the socket takes it; Cancelled.
[[nodiscard]] net::Awaitable<Status> establish(net::Socket& carrier, crypto::Channel& channel,
                                               WorkerResources& resources, TimePoint deadline);

}  // namespace diglett::tunnel
