#include "agent/gateway_trust.hpp"

#include <utility>

#include <fmt/format.h>

#include "crypto/trust.hpp"

namespace diglett::agent {

GatewayTrust::GatewayTrust(TrustOptions options, KnownGateways& known, Question ask, Logger logger)
    : options_(std::move(options)),
      known_(known),
      ask_(std::move(ask)),
      logger_(std::move(logger)) {}

Status GatewayTrust::decide(const std::string& gateway, bool is_loopback, bool has_credential,
                            const crypto::PeerIdentity& shown) {
    if (!options_.pins.empty()) {
        return crypto::accept_pinned(options_.pins, shown);
    }
    if (options_.has_ca) {
        return crypto::accept_verified(shown);
    }
    if (const auto known = known_.find(gateway)) {
        return decide_known(gateway, *known, shown.pin);
    }
    if (shown.verified_by_ca) {
        return {};
    }
    return decide_first_use(gateway, is_loopback, has_credential, shown.pin);
}

Status GatewayTrust::decide_known(const std::string& gateway, const crypto::Pin& known,
                                  const crypto::Pin& shown) {
    if (known != shown) {
        return refuse_changed(gateway, known, shown);
    }
    if (!known_.is_unwritten(gateway)) {
        return {};
    }
    const auto added = known_.add(gateway, shown);
    if (added) {
        logger_.info("the key {} of gateway {} is kept in {} now", shown.to_text(), gateway,
                     known_.where());
    } else if (added.error().code == Errc::GatewayKeyChanged) {
        return refuse_changed(gateway, known_.find(gateway).value_or(known), shown);
    }
    return {};  // that it could not be kept has been said
}

Status GatewayTrust::refuse_changed(const std::string& gateway, const crypto::Pin& known,
                                    const crypto::Pin& shown) const {
    return fail(Errc::GatewayKeyChanged,
                fmt::format("the key of gateway {0} has changed: known {1}, shown {2}; if that is "
                            "right, delete the line '{0} {1}' in {3}",
                            gateway, known.to_text(), shown.to_text(), known_.where()));
}

Status GatewayTrust::decide_first_use(const std::string& gateway, bool is_loopback,
                                      bool has_credential, const crypto::Pin& pin) {
    const std::string text = pin.to_text();
    const bool needs_yes = has_credential && !is_loopback && !options_.tofu;
    const auto answer = needs_yes && ask_ ? ask_(gateway, text) : Result<bool>(!needs_yes);
    if (!answer) {
        return forward_error(answer);
    }
    if (!*answer) {
        return fail(Errc::GatewayUntrusted,
                    fmt::format("gateway {} is met for the first time, with the key {}: compare it "
                                "with what the gateway prints, then start with --pin {} (or with "
                                "--tofu to trust it unseen); no credential was sent",
                                gateway, text, text));
    }
    const auto added = known_.add(gateway, pin);
    if (added) {
        logger_.info("gateway {} is met for the first time; its key {} is kept in {}", gateway,
                     text, known_.where());
    } else if (added.error().code == Errc::GatewayKeyChanged) {
        return refuse_changed(gateway, known_.find(gateway).value_or(pin), pin);
    } else {
        logger_.warn(
            "gateway {} is met for the first time; its key {} is known until this agent ends, as "
            "it could not be kept: {}",
            gateway, text, added.error().text);
    }
    return {};
}

}  // namespace diglett::agent
