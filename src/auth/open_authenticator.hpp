#pragma once

#include "auth/authenticator.hpp"

namespace diglett::auth {

/// Accepts everybody, as `key:FINGERPRINT` of the agent's key, so that names still have owners; in
/// protocol 1, which has no such key, as `v1`, whose names are free again when its session ends.
/// Allows every name. A token is ignored, as by LoopbackAuthenticator.
class OpenAuthenticator final : public Authenticator {
  public:
    [[nodiscard]] std::string_view name() const override { return "open"; }

    [[nodiscard]] bool accepts_anyone() const override { return true; }

    /// @return Credential for an agent of protocol 2 without a proven key.
    [[nodiscard]] net::Awaitable<std::expected<Identity, Refusal>> authenticate(
        const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) override;

    [[nodiscard]] net::Awaitable<std::expected<Allowed, Refusal>> authorize(
        const Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) override;
};

}  // namespace diglett::auth
