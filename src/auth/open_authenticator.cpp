#include "auth/open_authenticator.hpp"

#include "crypto/agent_key.hpp"

namespace diglett::auth {

net::Awaitable<std::expected<Identity, Refusal>> OpenAuthenticator::authenticate(
    const Credential& credential, const ConnectionFacts& facts, TimePoint /*deadline*/) {
    if (credential.has_agent_key) {
        co_return Identity{.key = "key:" + crypto::fingerprint(credential.agent_key),
                           .reserves_names = true,
                           .grant = {}};
    }
    if (facts.protocol == 1) {
        co_return Identity{.key = "v1", .reserves_names = false, .grant = {}};
    }
    co_return std::unexpected(Refusal{.code = wire::RefusalCode::Credential,
                                      .text = "the agent must prove a key of its own",
                                      .retry_after = {},
                                      .not_recognised = true});
}

net::Awaitable<std::expected<Allowed, Refusal>> OpenAuthenticator::authorize(
    const Identity& /*identity*/, const std::string& /*name*/, const std::string& /*kind*/,
    TimePoint /*deadline*/) {
    co_return Allowed{};
}

}  // namespace diglett::auth
