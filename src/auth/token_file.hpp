#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "crypto/sha256.hpp"

namespace diglett::auth {

/// One `[[identity]]` of a tokens file.
struct TokenIdentity {
    std::string name;  ///< `[A-Za-z0-9._@-]{1,64}`; the identity is `tokens:NAME`.
    crypto::Sha256Digest token_sha256{};       ///< The token itself is nowhere.
    std::set<std::string, std::less<>> names;  ///< Names it may use.
    bool any_name = false;                     ///< `*` was among them.
    bool allow_v1 = false;                     ///< Whether the token may be used over protocol 1.
};

using TokenTable = std::vector<TokenIdentity>;

/// Reads a tokens file: TOML, `[[identity]]` with `name`, `token-sha256` (64 hexadecimal digits),
/// `names` (array of names and `*`) and `allow-v1` (false). Strict: an unknown key, a missing one,
/// a wrong type, or an identity or token given twice is an error.
/// @param file its name, for messages.
/// @return InvalidConfig naming file, line and key.
[[nodiscard]] Result<TokenTable> parse_token_file(std::string_view text, std::string_view file);

/// Reads and parses `path`. @return UnreadableFile, or as parse_token_file.
[[nodiscard]] Result<TokenTable> load_token_file(const std::filesystem::path& path);

/// What stands as `token-sha256` for `token`: SHA-256 in lower-case hexadecimal.
[[nodiscard]] std::string token_sha256(const Secret& token);

}  // namespace diglett::auth
