#include "auth/token_file_authenticator.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "crypto/constant_time.hpp"

namespace diglett::auth {

namespace {

/// Keeps the table alive that it points into.
using Grant = std::shared_ptr<const TokenIdentity>;

Refusal refused(std::string text, bool not_recognised) {
    return {.code = wire::RefusalCode::Credential,
            .text = std::move(text),
            .retry_after = {},
            .not_recognised = not_recognised};
}

}  // namespace

TokenFileAuthenticator::TokenFileAuthenticator(TokenTable identities)
    : identities_(std::make_shared<const TokenTable>(std::move(identities))) {}

const TokenIdentity* TokenFileAuthenticator::find(const Secret& token) const {
    const auto digest = crypto::sha256(as_bytes(token.expose_secret()));
    const TokenIdentity* found = nullptr;
    for (const auto& identity : *identities_) {
        if (crypto::equal_in_constant_time(ByteView(digest), ByteView(identity.token_sha256))) {
            found = &identity;
        }
    }
    return found;
}

net::Awaitable<std::expected<Identity, Refusal>> TokenFileAuthenticator::authenticate(
    const Credential& credential, const ConnectionFacts& facts, TimePoint /*deadline*/) {
    if (credential.token.empty()) {
        co_return std::unexpected(refused("this gateway asks for a token", true));
    }
    const TokenIdentity* found = find(credential.token);
    if (found == nullptr) {
        co_return std::unexpected(refused("the token is not valid here", false));
    }
    if (facts.protocol == 1 && !found->allow_v1) {
        co_return std::unexpected(refused("this token may not be used over protocol 1", false));
    }
    co_return Identity{
        .key = "tokens:" + found->name, .reserves_names = true, .grant = Grant(identities_, found)};
}

net::Awaitable<std::expected<Allowed, Refusal>> TokenFileAuthenticator::authorize(
    const Identity& identity, const std::string& name, const std::string& /*kind*/,
    TimePoint /*deadline*/) {
    const auto* grant = std::any_cast<Grant>(&identity.grant);
    DIGLETT_ASSERT(grant != nullptr && *grant != nullptr);
    if ((*grant)->any_name || (*grant)->names.contains(name)) {
        co_return Allowed{};
    }
    co_return std::unexpected(
        Refusal{.code = wire::RefusalCode::NameNotAllowed,
                .text = fmt::format("{} may not use the name '{}'", identity.key, name),
                .retry_after = {},
                .not_recognised = false});
}

}  // namespace diglett::auth
