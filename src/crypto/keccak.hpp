#pragma once

#include <array>
#include <cstdint>

namespace diglett::crypto {

/// 1600 bits as 25 lanes; lane `x + 5 * y`, and byte i of the state is byte `i % 8`, least first,
/// of lane `i / 8`. (FIPS 202, section 3.1)
using KeccakState = std::array<std::uint64_t, 25>;

/// Keccak-f[1600], 24 rounds. (FIPS 202, sections 3.2 and 3.3)
void keccak_f1600(KeccakState& state);

}  // namespace diglett::crypto
