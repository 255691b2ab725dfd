#pragma once

#include <span>

#include "base/result.hpp"
#include "crypto/pin.hpp"
#include "crypto/secure_channel.hpp"

namespace diglett::crypto {

/// Accepts a gateway whose key is one of `pins`. @return GatewayKeyChanged with the pins on both
/// sides.
[[nodiscard]] Status accept_pinned(std::span<const Pin> pins, const PeerIdentity& identity);

/// Accepts a gateway whose certificate and host name were verified. @return GatewayUntrusted with
/// the reason.
[[nodiscard]] Status accept_verified(const PeerIdentity& identity);

}  // namespace diglett::crypto
