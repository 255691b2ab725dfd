#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "auth/grid/token_error.hpp"
#include "auth/grid/twin.hpp"
#include "base/secret.hpp"
#include "crypto/signing_key.hpp"

/// A grid token: a JWT in the form of ThreeFold's relay tokens, with a `typ` of its own so that
/// neither passes for the other.
namespace diglett::auth::grid {

/// Longest token that is looked at.
inline constexpr std::size_t kMaxTokenBytes = 8192;

/// How far an agent's clock may be ahead of the gateway's.
inline constexpr std::chrono::seconds kClockAllowance{10};

/// Header members and the first byte of the signature, shared with what writes tokens.
inline constexpr std::string_view kTokenAlgorithm = "RS512";  // not RSA: what all writers put there
inline constexpr std::string_view kTokenType = "diglett+jwt";
inline constexpr std::byte kEd25519Mark{'e'};
inline constexpr std::byte kSr25519Mark{'s'};

/// A point of time of a token: Unix seconds.
using Seconds = std::chrono::sys_seconds;

/// What a gateway accepts.
struct TokenRules {
    std::vector<std::string> audiences;  ///< Host names, lower case; `aud` is one of them.
    std::chrono::seconds max_lifetime{24 * 3600};  ///< Greatest `exp - iat`.
};

/// A token that is right in itself. Its signature is not verified: the key is on the chain.
struct GridToken {
    std::uint32_t twin = 0;
    std::vector<std::string> names;  ///< At least one; each is_chain_name, not all is_host_label.
    std::string audience;
    Seconds issued_at;
    Seconds expires_at;
    crypto::KeyType key_type = crypto::KeyType::Sr25519;
    crypto::Signature signature{};
    Secret signing_input;  ///< What is signed; with the signature it is the token.
};

/// Checks `text` at the time `now`, which no caller takes from the token's sender.
/// @return the first thing that is wrong, in the order of TokenError.
[[nodiscard]] std::expected<GridToken, TokenError> parse_token(std::string_view text,
                                                               const TokenRules& rules,
                                                               Seconds now);

/// Whether `text` says by its header that it is a grid token, right or wrong otherwise: then no
/// authenticator that asks for no credential may take it.
[[nodiscard]] bool looks_like_grid_token(std::string_view text);

/// Whether the owner of `account` signed `token`. Nobody signs for the all-zero account.
[[nodiscard]] bool is_signed_by(const GridToken& token, const Account& account);

}  // namespace diglett::auth::grid
