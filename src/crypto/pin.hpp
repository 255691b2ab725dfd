#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/sha256.hpp"

namespace diglett::crypto {

/// What a gateway is known by: SHA-256 over the DER SubjectPublicKeyInfo of its key (RFC 7469
/// section 2.4). It stays the same when the certificate around the key is renewed.
struct Pin {
    Sha256Digest sha256{};

    /// Reads `sha256/BASE64` (44 characters of standard base64). @return InvalidUsage for anything
    /// else.
    [[nodiscard]] static Result<Pin> parse(std::string_view text);

    /// The text that parse() reads; what users see as the fingerprint.
    [[nodiscard]] std::string to_text() const;

    friend auto operator<=>(const Pin&, const Pin&) = default;
};

}  // namespace diglett::crypto
