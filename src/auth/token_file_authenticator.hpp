#pragma once

#include <memory>

#include "auth/authenticator.hpp"
#include "auth/token_file.hpp"

namespace diglett::auth {

/// Opaque bearer tokens from a file (token_file.hpp), which holds only their SHA-256: the identity
/// `tokens:NAME`. Tokens are meant to be long and random; a guessable one is not made safe by its
/// hash.
class TokenFileAuthenticator final : public Authenticator {
  public:
    explicit TokenFileAuthenticator(TokenTable identities);

    [[nodiscard]] std::string_view name() const override { return "tokens"; }

    /// Compares with every identity, whatever matches, so that the time tells nothing.
    /// @return Credential: not recognised without a token; in the same words for every wrong token;
    ///         for a right one over protocol 1 without `allow-v1`.
    [[nodiscard]] net::Awaitable<std::expected<Identity, Refusal>> authenticate(
        const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) override;

    /// @return NameNotAllowed for a name that is not among the identity's.
    [[nodiscard]] net::Awaitable<std::expected<Allowed, Refusal>> authorize(
        const Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) override;

  private:
    [[nodiscard]] const TokenIdentity* find(const Secret& token) const;

    std::shared_ptr<const TokenTable> identities_;
};

}  // namespace diglett::auth
