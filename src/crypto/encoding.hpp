#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace diglett::crypto {

/// Lower-case hexadecimal, two digits a byte. Runs in constant time, so it may be used on keys.
[[nodiscard]] std::string to_hex(ByteView bytes);

/// The bytes of `text` (either case). Nothing when it has an odd length or any other character.
[[nodiscard]] std::optional<ByteVector> from_hex(std::string_view text);

/// Standard base64 with padding (RFC 4648 section 4), as in pins.
[[nodiscard]] std::string to_base64(ByteView bytes);

/// The bytes of standard base64 `text`. Nothing when padding, alphabet or trailing bits are wrong.
[[nodiscard]] std::optional<ByteVector> from_base64(std::string_view text);

/// Base64 with the URL-safe alphabet and without padding (RFC 4648 section 5, RFC 7515 section 2).
[[nodiscard]] std::string to_base64url(ByteView bytes);

/// The bytes of such a text, in its one spelling. Nothing when the alphabet, the length or trailing
/// bits are wrong, or there is padding.
[[nodiscard]] std::optional<ByteVector> from_base64url(std::string_view text);

}  // namespace diglett::crypto
