#pragma once

#include <string_view>

#include "base/bytes.hpp"

namespace diglett::crypto {

/// Whether both hold the same bytes, in a time that depends on the lengths alone. Use it for every
/// comparison with a secret: tokens, proofs, codes.
[[nodiscard]] bool equal_in_constant_time(ByteView a, ByteView b);
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

/// Overwrites `bytes` with zeros in a way that the compiler does not drop.
void wipe(MutableBytes bytes);

}  // namespace diglett::crypto
