#include "auth/grid/storage_key.hpp"

#include <sodium.h>

#include <array>
#include <concepts>
#include <cstddef>

#include "base/assert.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::auth::grid {

namespace {

/// twox128 of a name: its xxh64 with seed 0 and with seed 1, each little-endian. The names never
/// change, so the hash is not computed here; the test does.
using NameHash = std::array<std::uint8_t, 16>;

constexpr NameHash kTfgridModule{0x19, 0xa2, 0x52, 0x68, 0x38, 0xfe, 0xef, 0xd7,
                                 0x69, 0x5a, 0x3b, 0x57, 0x15, 0xb4, 0x15, 0xb1};
constexpr NameHash kTwins{0x31, 0x13, 0x78, 0x22, 0x92, 0x66, 0xfc, 0x86,
                          0xf6, 0x73, 0xa3, 0xf4, 0xcf, 0x39, 0x8e, 0x69};
constexpr NameHash kPalletVersion{0x2b, 0xb0, 0x3d, 0x11, 0x95, 0xd9, 0x24, 0xce,
                                  0xd2, 0xb5, 0x32, 0xdc, 0x71, 0x12, 0x77, 0xe9};
constexpr NameHash kSmartContractModule{0x44, 0xcb, 0x2e, 0x51, 0xa1, 0x81, 0x1c, 0xda,
                                        0x53, 0xa7, 0x4b, 0x43, 0x95, 0xe0, 0x3d, 0x57};
constexpr NameHash kContractIdByName{0x36, 0x4b, 0xdb, 0xa2, 0x9a, 0xcc, 0x58, 0xa9,
                                     0x03, 0xc4, 0x6b, 0x1d, 0xae, 0xd7, 0x36, 0xd1};
constexpr NameHash kContracts{0x43, 0x42, 0x19, 0x3e, 0x49, 0x6f, 0xab, 0x7e,
                              0xc5, 0x9d, 0x61, 0x5e, 0xd0, 0xdc, 0x55, 0x30};
constexpr NameHash kTimestamp{0xf0, 0xc3, 0x65, 0xc3, 0xcf, 0x59, 0xd6, 0x71,
                              0xeb, 0x72, 0xda, 0x0e, 0x7a, 0x41, 0x13, 0xc4};
constexpr NameHash kNow{0x9f, 0x1f, 0x05, 0x15, 0xf4, 0x62, 0xcd, 0xcf,
                        0x84, 0xe0, 0xf1, 0xd6, 0x04, 0x5d, 0xfc, 0xbb};

void append(ByteView bytes, ByteVector& out) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

ByteVector prefix_of(const NameHash& pallet, const NameHash& item) {
    ByteVector prefix;
    append(std::as_bytes(std::span(pallet)), prefix);
    append(std::as_bytes(std::span(item)), prefix);
    return prefix;
}

template <std::unsigned_integral T>
std::array<std::byte, sizeof(T)> little_endian(T number) {
    std::array<std::byte, sizeof(T)> bytes{};
    for (auto& byte : bytes) {
        byte = static_cast<std::byte>(number & 0xffU);
        number >>= 8U;
    }
    return bytes;
}

/// A length below 2^14 in SCALE's compact form.
void append_length(std::size_t size, ByteVector& out) {
    DIGLETT_ASSERT(size < (1U << 14U));
    if (size < (1U << 6U)) {
        out.push_back(static_cast<std::byte>(size << 2U));
    } else {
        append(little_endian(static_cast<std::uint16_t>(size << 2U | 1U)), out);
    }
}

}  // namespace

ByteVector twin_key(std::uint32_t twin) {
    return map_key(prefix_of(kTfgridModule, kTwins), little_endian(twin));
}

ByteVector name_registration_key(std::string_view name) {
    ByteVector argument;
    append_length(name.size(), argument);
    append(as_bytes(name), argument);
    return map_key(prefix_of(kSmartContractModule, kContractIdByName), argument);
}

ByteVector contract_key(std::uint64_t contract) {
    return map_key(prefix_of(kSmartContractModule, kContracts), little_endian(contract));
}

ByteVector twin_pallet_version_key() {
    return prefix_of(kTfgridModule, kPalletVersion);
}

ByteVector contract_pallet_version_key() {
    return prefix_of(kSmartContractModule, kPalletVersion);
}

ByteVector timestamp_key() {
    return prefix_of(kTimestamp, kNow);
}

ByteVector map_key(ByteView prefix, ByteView argument) {
    // A digest of 16 bytes, which is not the front of a longer one.
    std::array<std::byte, 16> digest{};
    crypto_generichash(crypto::raw(MutableBytes(digest)), digest.size(), crypto::raw(argument),
                       argument.size(), nullptr, 0);
    ByteVector key(prefix.begin(), prefix.end());
    append(digest, key);
    append(argument, key);
    return key;
}

}  // namespace diglett::auth::grid
