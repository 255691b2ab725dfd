#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "auth/authenticator.hpp"
#include "base/log.hpp"

namespace diglett::auth {

/// Several authenticators as one. Each is asked in the order given, but those that accept anyone
/// (open, loopback) come after all others, wherever they stand: a credential that somebody can
/// check is checked first.
///
/// - accepted: that one's identity, and that one alone authorizes it;
/// - not recognised, or found wrong: the next is asked;
/// - expired, try later, undecided: final;
/// - once somebody recognised the credential and found it wrong, those that accept anyone are not
///   asked any more.
///
/// The refusal returned is the first of somebody who recognised the credential, else the last one.
class AuthenticatorChain {
  public:
    /// @param members at least one, in the order of the configuration.
    AuthenticatorChain(std::vector<std::unique_ptr<Authenticator>> members, Logger logger);

    /// As Authenticator::authenticate. Logs which one decided, never the credential.
    [[nodiscard]] net::Awaitable<std::expected<Identity, Refusal>> authenticate(
        const Credential& credential, const ConnectionFacts& facts, TimePoint deadline);

    /// As Authenticator::authorize, by the one that accepted `identity`.
    /// @param identity made by authenticate() of this chain; anything else is a bug and aborts.
    [[nodiscard]] net::Awaitable<std::expected<Allowed, Refusal>> authorize(
        const Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline);

    /// Whether the one that made identities with this key outranks leases
    /// (Authenticator::outranks_leases). The key's part before the ':' is that one's name.
    [[nodiscard]] bool outranks_leases(std::string_view key) const;

    /// As authorize(), for an identity of which only the key is left, say after a restart.
    /// @pre outranks_leases(key). All outlive the await.
    [[nodiscard]] net::Awaitable<std::expected<Allowed, Refusal>> authorize_key(
        const std::string& key, const std::string& name, const std::string& kind,
        TimePoint deadline);

  private:
    [[nodiscard]] std::shared_ptr<Authenticator> find_by_key(std::string_view key) const;

    std::vector<std::shared_ptr<Authenticator>> members_;  ///< In the order they are asked.
    Logger logger_;
};

}  // namespace diglett::auth
