// Any text is a grid token in its one spelling, or refused for a reason. The first byte says what
// the rest is: the token, its header, its claims, or its signature, the others being right.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/grid/name.hpp"
#include "auth/grid/token.hpp"
#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "crypto/encoding.hpp"

namespace {

using namespace diglett;
using namespace diglett::auth::grid;

constexpr std::string_view kHeader = R"({"alg":"RS512","typ":"diglett+jwt"})";
constexpr std::string_view kClaims =
    R"({"sub":1,"name":"example","aud":"gent01.dev.grid.tf","iat":1700000000,"exp":1700003600})";
constexpr Seconds kNow{std::chrono::seconds(1'700'000'060)};  // as in the vectors

std::string join(std::string_view header, std::string_view claims, std::string_view signature) {
    return crypto::to_base64url(as_bytes(header)) + "." + crypto::to_base64url(as_bytes(claims)) +
           "." + crypto::to_base64url(as_bytes(signature));
}

std::string token_from(unsigned what, std::string_view rest) {
    const std::string signature = "s" + std::string(64, '\x01');
    switch (what & 3U) {
        case 0:
            return std::string(rest);
        case 1:
            return join(rest, kClaims, signature);
        case 2:
            return join(kHeader, rest, signature);
        default:
            return join(kHeader, kClaims, rest);
    }
}

std::string written(const GridToken& token) {
    ByteVector signature{token.key_type == crypto::KeyType::Ed25519 ? kEd25519Mark : kSr25519Mark};
    signature.insert(signature.end(), token.signature.begin(), token.signature.end());
    return std::string(token.signing_input.expose_secret()) + "." + crypto::to_base64url(signature);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto text = token_from(data[0], rest);
    static const TokenRules kRules{.audiences = {"gent01.dev.grid.tf", "example.org"}};
    const bool is_ours = looks_like_grid_token(text);
    const auto token = parse_token(text, kRules, kNow);
    if (!token) {
        DIGLETT_ASSERT(!words(token.error()).empty());
        return 0;
    }
    DIGLETT_ASSERT(is_ours && text.size() <= kMaxTokenBytes);
    DIGLETT_ASSERT(written(*token) == text);
    DIGLETT_ASSERT(token->twin > 0 && !token->names.empty());
    DIGLETT_ASSERT(std::ranges::all_of(token->names, is_chain_name));
    DIGLETT_ASSERT(token->issued_at <= kNow + kClockAllowance && kNow < token->expires_at);
    DIGLETT_ASSERT(token->expires_at - token->issued_at <= kRules.max_lifetime);
    DIGLETT_ASSERT(!is_signed_by(*token, Account{}));
    return 0;
}
