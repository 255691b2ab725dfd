#include "auth/grid/token_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "auth/grid/name.hpp"
#include "base/bytes.hpp"
#include "base/escape.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/encoding.hpp"

namespace diglett::auth::grid {

namespace {

namespace json = boost::json;

Status check(const TokenRequest& request) {
    if (request.twin == 0) {
        return fail(Errc::InvalidUsage, "a twin's id is a number from 1 to 4294967295");
    }
    if (request.names.empty()) {
        return fail(Errc::InvalidUsage, "a token names at least one name");
    }
    for (const auto& name : request.names) {
        if (!is_host_label(name)) {
            return fail(Errc::InvalidUsage,
                        fmt::format("'{}' is no name: 3 to 63 of a-z, 0-9 and '-', neither first "
                                    "nor last a '-'",
                                    escape(name)));
        }
    }
    if (request.audience.empty()) {
        return fail(Errc::InvalidUsage, "a token names the gateway that it is for");
    }
    if (request.lifetime < std::chrono::seconds(1)) {
        return fail(Errc::InvalidUsage, "a token lives for at least a second");
    }
    return {};
}

std::string encoded(const json::object& object) {
    return crypto::to_base64url(as_bytes(json::serialize(object)));
}

json::object header() {
    return {{"alg", kTokenAlgorithm}, {"typ", kTokenType}};
}

json::object claims(const TokenRequest& request) {
    json::value names = json::string(request.names.front());
    if (request.names.size() > 1) {
        names = json::array(request.names.begin(), request.names.end());
    }
    const auto expires_at = request.issued_at + request.lifetime;
    return {{"sub", request.twin},
            {"name", std::move(names)},
            {"aud", request.audience},
            {"iat", request.issued_at.time_since_epoch().count()},
            {"exp", expires_at.time_since_epoch().count()}};
}

/// The type byte and the signature of `input`, which make a token of it.
Secret marked_signature(std::string_view input, const crypto::SigningKey& key) {
    auto signature = key.sign(as_bytes(input));
    std::array<std::byte, 1 + sizeof(signature)> marked{
        key.type() == crypto::KeyType::Ed25519 ? kEd25519Mark : kSr25519Mark};
    std::ranges::copy(signature, marked.begin() + 1);
    Secret text(crypto::to_base64url(marked));
    crypto::wipe(marked);
    crypto::wipe(signature);
    return text;
}

/// In one piece of memory, as what a string leaves behind when it grows is not wiped.
Secret joined(std::string_view input, const Secret& signature) {
    std::string token;
    token.reserve(input.size() + 1 + signature.expose_secret().size());
    token.append(input).append(".").append(signature.expose_secret());
    return Secret(std::move(token));
}

}  // namespace

Result<Secret> write_token(const TokenRequest& request, const crypto::SigningKey& key) {
    if (const auto checked = check(request); !checked) {
        return forward_error(checked);
    }
    const std::string input = encoded(header()) + "." + encoded(claims(request));
    auto token = joined(input, marked_signature(input, key));
    if (token.expose_secret().size() > kMaxTokenBytes) {
        return fail(Errc::InvalidUsage,
                    fmt::format("{} names are too many for one token", request.names.size()));
    }
    return token;
}

}  // namespace diglett::auth::grid
