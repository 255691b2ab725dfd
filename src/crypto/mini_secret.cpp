#include "crypto/mini_secret.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "base/bytes.hpp"
#include "crypto/bip39.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/encoding.hpp"
#include "crypto/openssl.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

constexpr std::string_view kSeedPrefix = "0x";
constexpr std::string_view kSalt = "mnemonic";  // BIP-39's, with an empty password behind it
constexpr int kRounds = 2048;

/// A copy of the first 32 of `bytes`, which are wiped.
MiniSecret take(MutableBytes bytes) {
    MiniSecret secret(bytes.first<32>());
    wipe(bytes);
    return secret;
}

Result<MiniSecret> parse_seed(std::string_view digits) {
    auto bytes = from_hex(digits);
    if (!bytes || bytes->size() != 32) {
        if (bytes) {
            wipe(*bytes);  // most of a seed, say
        }
        return fail(Errc::InvalidConfig, "a seed is 0x and 64 hexadecimal digits");
    }
    return take(*bytes);
}

/// Not BIP-39's own seed: the password of the derivation is the entropy, not the words
/// (substrate-bip39).
Result<MiniSecret> parse_phrase(std::string_view phrase) {
    auto entropy = bip39_entropy(phrase);
    if (!entropy) {
        return forward_error(entropy);
    }
    std::array<std::byte, 64> derived{};
    checked(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(entropy->data()),
                              static_cast<int>(entropy->size()), raw(as_bytes(kSalt)),
                              static_cast<int>(kSalt.size()), kRounds, EVP_sha512(),
                              static_cast<int>(derived.size()), raw(MutableBytes(derived))));
    wipe(*entropy);
    return take(derived);
}

}  // namespace

MiniSecret::MiniSecret(std::span<const std::byte, 32> bytes) : bytes_{} {
    std::ranges::copy(bytes, bytes_.begin());
}

MiniSecret::~MiniSecret() {
    wipe(bytes_);
}

Result<MiniSecret> MiniSecret::parse(std::string_view text) {
    return text.starts_with(kSeedPrefix) ? parse_seed(text.substr(kSeedPrefix.size()))
                                         : parse_phrase(text);
}

}  // namespace diglett::crypto
