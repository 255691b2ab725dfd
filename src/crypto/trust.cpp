#include "crypto/trust.hpp"

#include <algorithm>
#include <string>

namespace diglett::crypto {

Status accept_pinned(std::span<const Pin> pins, const PeerIdentity& identity) {
    if (std::ranges::find(pins, identity.pin) != pins.end()) {
        return {};
    }
    std::string known;
    for (const Pin& pin : pins) {
        known += (known.empty() ? "" : " or ") + pin.to_text();
    }
    return fail(Errc::GatewayKeyChanged, "the gateway shows the key " + identity.pin.to_text() +
                                             ", expected " + (known.empty() ? "none" : known));
}

Status accept_verified(const PeerIdentity& identity) {
    if (identity.verified_by_ca) {
        return {};
    }
    return fail(Errc::GatewayUntrusted,
                "the gateway's certificate is not accepted: " + identity.ca_error);
}

}  // namespace diglett::crypto
