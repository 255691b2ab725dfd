#include "crypto/keccak.hpp"

#include <bit>
#include <cstddef>

namespace diglett::crypto {

namespace {

// FIPS 202, section 3.2.5.
constexpr std::array<std::uint64_t, 24> kRoundConstants{
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

// FIPS 202, section 3.2.2: offsets modulo 64, in the order of lanes.
constexpr std::array<int, 25> kRotations{0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                         25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

void theta(KeccakState& a) {
    std::array<std::uint64_t, 5> column{};
    for (std::size_t x = 0; x < 5; ++x) {
        column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    for (std::size_t i = 0; i < 25; ++i) {
        const std::size_t x = i % 5;
        a[i] ^= column[(x + 4) % 5] ^ std::rotl(column[(x + 1) % 5], 1);
    }
}

KeccakState rho_and_pi(const KeccakState& a) {
    KeccakState moved{};
    for (std::size_t y = 0; y < 5; ++y) {
        for (std::size_t x = 0; x < 5; ++x) {
            const std::size_t to = y + 5 * ((2 * x + 3 * y) % 5);
            moved[to] = std::rotl(a[x + 5 * y], kRotations[x + 5 * y]);
        }
    }
    return moved;
}

void chi(const KeccakState& from, KeccakState& a) {
    for (std::size_t row = 0; row < 25; row += 5) {
        for (std::size_t x = 0; x < 5; ++x) {
            a[row + x] = from[row + x] ^ (~from[row + (x + 1) % 5] & from[row + (x + 2) % 5]);
        }
    }
}

}  // namespace

void keccak_f1600(KeccakState& state) {
    for (const std::uint64_t constant : kRoundConstants) {
        theta(state);
        chi(rho_and_pi(state), state);
        state[0] ^= constant;
    }
}

}  // namespace diglett::crypto
