#include "auth/loopback_authenticator.hpp"

namespace diglett::auth {

net::Awaitable<std::expected<Identity, Refusal>> LoopbackAuthenticator::authenticate(
    const Credential& /*credential*/, const ConnectionFacts& facts, TimePoint /*deadline*/) {
    if (!facts.is_loopback) {
        co_return std::unexpected(
            Refusal{.code = wire::RefusalCode::Credential,
                    .text = "this gateway accepts only agents on its own machine, or with a "
                            "credential that it knows",
                    .retry_after = {},
                    .not_recognised = true});
    }
    co_return Identity{
        .key = facts.protocol == 1 ? "v1" : "local", .reserves_names = false, .grant = {}};
}

net::Awaitable<std::expected<Allowed, Refusal>> LoopbackAuthenticator::authorize(
    const Identity& /*identity*/, const std::string& /*name*/, const std::string& /*kind*/,
    TimePoint /*deadline*/) {
    co_return Allowed{};
}

}  // namespace diglett::auth
