#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.hpp"

namespace diglett::crypto {

using Sha256Digest = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4) of `bytes`; never fails.
[[nodiscard]] Sha256Digest sha256(ByteView bytes);

}  // namespace diglett::crypto
