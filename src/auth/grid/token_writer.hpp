#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "auth/grid/token.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "crypto/signing_key.hpp"

namespace diglett::auth::grid {

/// What a token says.
struct TokenRequest {
    std::uint32_t twin = 0;
    std::vector<std::string> names;
    std::string audience;  ///< The gateway's host name, lower case, no final dot.
    Seconds issued_at;
    std::chrono::seconds lifetime{300};
};

/// Writes and signs a token. One name is written as a string, more as an array.
/// @return InvalidUsage, with words for the user, for what no gateway would accept: twin 0, no name
/// or one that the chain does not sell, no audience, a lifetime below a second, more than
/// kMaxTokenBytes.
[[nodiscard]] Result<Secret> write_token(const TokenRequest& request,
                                         const crypto::SigningKey& key);

}  // namespace diglett::auth::grid
