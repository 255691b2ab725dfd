#include "auth/grid/token.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "auth/grid/limits.hpp"
#include "auth/grid/name.hpp"
#include "base/bytes.hpp"
#include "crypto/encoding.hpp"
#include "wire/strict_json.hpp"

namespace diglett::auth::grid {

namespace {

namespace json = boost::json;

using std::chrono::seconds;

struct Parts {
    std::string_view header;
    std::string_view claims;
    std::string_view signature;
};

std::optional<Parts> split(std::string_view text) {
    const auto first = text.find('.');
    if (first == std::string_view::npos) {
        return std::nullopt;
    }
    const auto second = text.find('.', first + 1);
    if (second == std::string_view::npos) {
        return std::nullopt;
    }
    const Parts parts{.header = text.substr(0, first),
                      .claims = text.substr(first + 1, second - first - 1),
                      .signature = text.substr(second + 1)};
    const bool has_all = !parts.header.empty() && !parts.claims.empty() && !parts.signature.empty();
    const bool has_more = parts.signature.find('.') != std::string_view::npos;
    return has_all && !has_more ? std::optional(parts) : std::nullopt;
}

std::optional<std::string_view> text_of(const json::object& object, std::string_view name) {
    const auto* const member = object.if_contains(name);
    if (member == nullptr || !member->is_string()) {
        return std::nullopt;
    }
    return member->get_string();
}

/// An integer from `min` to `max`, written as one: not 1.0, not 1e3.
std::optional<std::uint64_t> integer_of(const json::object& object, std::string_view name,
                                        std::uint64_t min, std::uint64_t max) {
    const auto* const member = object.if_contains(name);
    if (member == nullptr || member->is_double()) {
        return std::nullopt;
    }
    json::error_code error;
    const auto number = member->to_number<std::uint64_t>(error);
    return !error && number >= min && number <= max ? std::optional(number) : std::nullopt;
}

std::optional<TokenError> check_header(ByteView bytes) {
    const auto header = wire::parse_object(as_text(bytes));
    if (!header) {
        return TokenError::BadHeader;
    }
    if (text_of(*header, "alg") != kTokenAlgorithm) {
        return TokenError::WrongAlgorithm;
    }
    if (text_of(*header, "typ") != kTokenType) {
        return TokenError::WrongType;
    }
    if (header->contains("crit")) {
        return TokenError::CriticalHeader;
    }
    return std::nullopt;
}

/// Adds a name; says whether `value` is one.
bool append_name(const json::value& value, std::vector<std::string>& names) {
    const auto* const text = value.if_string();
    if (text == nullptr || !is_chain_name(*text)) {
        return false;
    }
    names.emplace_back(*text);
    return true;
}

bool read_names(const json::object& claims, std::vector<std::string>& names) {
    const auto* const member = claims.if_contains("name");
    if (member == nullptr) {
        return false;
    }
    const auto* const array = member->if_array();
    if (array == nullptr) {
        return append_name(*member, names);
    }
    return !array->empty() && std::ranges::all_of(*array, [&names](const json::value& value) {
        return append_name(value, names);
    });
}

std::optional<TokenError> read_claims(ByteView bytes, GridToken& token) {
    const auto claims = wire::parse_object(as_text(bytes));
    if (!claims) {
        return TokenError::BadClaims;
    }
    const auto twin = integer_of(*claims, "sub", 1, std::numeric_limits<std::uint32_t>::max());
    if (!twin) {
        return TokenError::BadTwin;
    }
    if (!read_names(*claims, token.names)) {
        return TokenError::BadName;
    }
    const auto audience = text_of(*claims, "aud");
    if (!audience) {
        return TokenError::BadAudience;
    }
    const auto issued_at = integer_of(*claims, "iat", 0, kMaxTimeSeconds);
    const auto expires_at = integer_of(*claims, "exp", 0, kMaxTimeSeconds);
    if (!issued_at || !expires_at || *expires_at <= *issued_at) {
        return TokenError::BadTimes;
    }
    token.twin = static_cast<std::uint32_t>(*twin);
    token.audience = *audience;
    token.issued_at = Seconds(seconds(*issued_at));
    token.expires_at = Seconds(seconds(*expires_at));
    return std::nullopt;
}

std::optional<TokenError> check_times(const GridToken& token, const TokenRules& rules,
                                      Seconds now) {
    if (token.expires_at - token.issued_at > rules.max_lifetime) {
        return TokenError::LifetimeTooLong;
    }
    if (token.issued_at > now + kClockAllowance) {
        return TokenError::FromTheFuture;
    }
    if (now >= token.expires_at) {
        return TokenError::Expired;
    }
    return std::nullopt;
}

std::optional<TokenError> read_signature(ByteView bytes, GridToken& token) {
    if (bytes.size() != 1 + token.signature.size() ||
        (bytes.front() != kEd25519Mark && bytes.front() != kSr25519Mark)) {
        return TokenError::BadSignatureForm;
    }
    token.key_type =
        bytes.front() == kEd25519Mark ? crypto::KeyType::Ed25519 : crypto::KeyType::Sr25519;
    std::ranges::copy(bytes.subspan(1), token.signature.begin());
    return std::nullopt;
}

}  // namespace

std::expected<GridToken, TokenError> parse_token(std::string_view text, const TokenRules& rules,
                                                 Seconds now) {
    if (text.size() > kMaxTokenBytes) {
        return std::unexpected(TokenError::TooLong);
    }
    const auto parts = split(text);
    if (!parts) {
        return std::unexpected(TokenError::NotThreeParts);
    }
    const auto header = crypto::from_base64url(parts->header);
    const auto claims = crypto::from_base64url(parts->claims);
    const auto signature = crypto::from_base64url(parts->signature);
    if (!header || !claims || !signature) {
        return std::unexpected(TokenError::NotBase64Url);
    }
    if (const auto error = check_header(*header)) {
        return std::unexpected(*error);
    }
    GridToken token;
    if (const auto error = read_claims(*claims, token)) {
        return std::unexpected(*error);
    }
    if (const auto error = check_times(token, rules, now)) {
        return std::unexpected(*error);
    }
    if (std::ranges::find(rules.audiences, token.audience) == rules.audiences.end()) {
        return std::unexpected(TokenError::OtherAudience);
    }
    if (const auto error = read_signature(*signature, token)) {
        return std::unexpected(*error);
    }
    token.signing_input = Secret(std::string(text.substr(0, text.rfind('.'))));
    return token;
}

bool looks_like_grid_token(std::string_view text) {
    const auto part = text.substr(0, text.find('.'));
    if (part.size() > kMaxTokenBytes) {
        return false;
    }
    const auto bytes = crypto::from_base64url(part);
    if (!bytes) {
        return false;
    }
    const auto header = wire::parse_object(as_text(*bytes));
    return header && text_of(*header, "typ") == kTokenType;
}

bool is_signed_by(const GridToken& token, const Account& account) {
    return crypto::verify(token.key_type, account, as_bytes(token.signing_input.expose_secret()),
                          token.signature);
}

}  // namespace diglett::auth::grid
