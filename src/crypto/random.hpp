#pragma once

#include <array>
#include <cstddef>

#include "base/bytes.hpp"

namespace diglett::crypto {

/// Fills `bytes` from the kernel's generator (getrandom). Safe from any thread; never fails:
/// libsodium ends the process when the kernel has no randomness to give.
void fill_random(MutableBytes bytes);

/// `Size` random bytes, for ids, nonces and keys.
template <std::size_t Size>
[[nodiscard]] std::array<std::byte, Size> random_bytes() {
    std::array<std::byte, Size> bytes{};
    fill_random(bytes);
    return bytes;
}

}  // namespace diglett::crypto
