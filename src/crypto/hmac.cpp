#include "crypto/hmac.hpp"

#include <sodium.h>

#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message) {
    // The streaming interface, because the one-shot function takes keys of 32 bytes only.
    crypto_auth_hmacsha256_state state;
    static constexpr std::byte kNothing{};  // no null pointer goes to libsodium
    const ByteView stated = key.empty() ? ByteView(&kNothing, 0) : key;
    crypto_auth_hmacsha256_init(&state, raw(stated), stated.size());
    crypto_auth_hmacsha256_update(&state, raw(message), message.size());
    std::array<std::byte, 32> mac{};
    crypto_auth_hmacsha256_final(&state, raw(MutableBytes(mac)));
    sodium_memzero(&state, sizeof state);
    return mac;
}

}  // namespace diglett::crypto
