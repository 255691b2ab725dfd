#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/known_gateways.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "crypto/pin.hpp"
#include "crypto/secure_channel.hpp"

namespace diglett::agent {

/// What the operator said about the gateway's identity.
struct TrustOptions {
    std::vector<crypto::Pin> pins;  ///< --pin; several allowed.
    bool has_ca = false;            ///< --ca: the certificate must verify under it.
    bool tofu = false;              ///< --tofu: a credential may go to a gateway met first now.
};

/// Decides whether the gateway that answered is the right one, before any credential is sent. In
/// this order (protocol 10): a pin; a CA file; the key known from before; the public roots with the
/// host name; first use. A gateway in known_gateways is checked against that entry before the
/// public roots.
class GatewayTrust {
  public:
    /// Asks the person at the terminal to confirm a fingerprint. @return the answer, or Cancelled
    /// when the program was asked to stop meanwhile.
    using Question =
        std::function<Result<bool>(const std::string& gateway, const std::string& pin)>;

    /// @param ask empty without a terminal.
    GatewayTrust(TrustOptions options, KnownGateways& known, Question ask, Logger logger);

    /// @param gateway "HOST:PORT" as the user gave it.
    /// @param is_loopback no ceremony: the key is remembered at first use without asking.
    /// @param has_credential something secret would be sent next.
    /// @return GatewayKeyChanged with both fingerprints and the line to delete; GatewayUntrusted;
    /// Cancelled as the question.
    [[nodiscard]] Status decide(const std::string& gateway, bool is_loopback, bool has_credential,
                                const crypto::PeerIdentity& shown);

  private:
    [[nodiscard]] Status refuse_changed(const std::string& gateway, const crypto::Pin& known,
                                        const crypto::Pin& shown) const;
    [[nodiscard]] Status decide_known(const std::string& gateway, const crypto::Pin& known,
                                      const crypto::Pin& shown);
    [[nodiscard]] Status decide_first_use(const std::string& gateway, bool is_loopback,
                                          bool has_credential, const crypto::Pin& pin);

    TrustOptions options_;
    KnownGateways& known_;
    Question ask_;
    Logger logger_;
};

}  // namespace diglett::agent
