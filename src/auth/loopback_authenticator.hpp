#pragma once

#include "auth/authenticator.hpp"

namespace diglett::auth {

/// The default without configuration: agents on this machine only, as the identity `local` (`v1` in
/// protocol 1), whose names are free again when its session ends. Allows every name.
///
/// A token is ignored: nobody here can check it, and an agent that is configured for a real gateway
/// must work against a test gateway on the same machine. Where another authenticator checks tokens,
/// the chain asks it first.
class LoopbackAuthenticator final : public Authenticator {
  public:
    [[nodiscard]] std::string_view name() const override { return "loopback"; }

    [[nodiscard]] bool accepts_anyone() const override { return true; }

    /// @return Credential, not recognised, for an agent on another machine.
    [[nodiscard]] net::Awaitable<std::expected<Identity, Refusal>> authenticate(
        const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) override;

    [[nodiscard]] net::Awaitable<std::expected<Allowed, Refusal>> authorize(
        const Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) override;
};

}  // namespace diglett::auth
