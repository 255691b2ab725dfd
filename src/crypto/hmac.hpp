#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.hpp"

namespace diglett::crypto {

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) of `message` under `key`. Any lengths, empty ones included;
/// never fails. Compare the result with equal_in_constant_time.
[[nodiscard]] std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message);

}  // namespace diglett::crypto
