#include "crypto/v1_handshake.hpp"

#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <sodium.h>

#include <algorithm>
#include <memory>
#include <new>

#include "crypto/constant_time.hpp"
#include "crypto/random.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

/// Magic "digl" and version 1.
constexpr std::array<std::byte, 5> kPrefix = {std::byte{0x64}, std::byte{0x69}, std::byte{0x67},
                                              std::byte{0x6c}, std::byte{0x01}};
constexpr std::size_t kMagicBytes = 4;

using ContextPtr =
    std::unique_ptr<secp256k1_context, decltype([](auto* c) { secp256k1_context_destroy(c); })>;

/// One for the process, blinded once against side channels; reading it is safe from any thread.
const secp256k1_context* context() {
    static const ContextPtr kContext = [] {
        ContextPtr made(secp256k1_context_create(SECP256K1_CONTEXT_NONE));
        auto seed = random_bytes<32>();
        if (!made || secp256k1_context_randomize(made.get(), raw(ByteView(seed))) != 1) {
            throw std::bad_alloc();
        }
        wipe(seed);
        return made;
    }();
    return kContext.get();
}

int sha512_of_point(unsigned char* output, const unsigned char* x, const unsigned char* y, void*) {
    std::array<unsigned char, 64> point{};
    std::copy_n(x, 32, point.begin());
    std::copy_n(y, 32, point.begin() + 32);
    crypto_hash_sha512(output, point.data(), point.size());
    sodium_memzero(point.data(), point.size());
    return 1;
}

}  // namespace

V1KeyPair::V1KeyPair(std::span<const std::byte, 32> number, const V1Handshake& handshake)
    : private_{}, handshake_(handshake) {
    std::ranges::copy(number, private_.begin());
}

V1KeyPair::~V1KeyPair() {
    wipe(private_);
}

V1KeyPair V1KeyPair::generate() {
    for (;;) {  // a random number is unfit once in 2^128
        auto number = random_bytes<32>();
        auto pair = from_private(number);
        wipe(number);
        if (pair) {
            return *std::move(pair);
        }
    }
}

Result<V1KeyPair> V1KeyPair::from_private(std::span<const std::byte, 32> number) {
    secp256k1_pubkey point;
    if (secp256k1_ec_pubkey_create(context(), &point, raw(ByteView(number))) != 1) {
        return fail(Errc::InvalidUsage, "not a secp256k1 private key");
    }
    V1Handshake handshake{};
    std::ranges::copy(kPrefix, handshake.begin());
    const MutableBytes key = MutableBytes(handshake).subspan(kPrefix.size());
    std::size_t size = key.size();
    secp256k1_ec_pubkey_serialize(context(), raw(key), &size, &point, SECP256K1_EC_COMPRESSED);
    return V1KeyPair(number, handshake);
}

Result<V1Secret> V1KeyPair::agree(const V1Handshake& peer) const {
    if (Status prefix = check_v1_prefix(peer); !prefix) {
        return forward_error(prefix);
    }
    const ByteView key = ByteView(peer).subspan(kPrefix.size());
    secp256k1_pubkey point;
    std::array<std::byte, 64> hash{};
    if (secp256k1_ec_pubkey_parse(context(), &point, raw(key), key.size()) != 1 ||
        secp256k1_ecdh(context(), raw(MutableBytes(hash)), &point, raw(ByteView(private_)),
                       sha512_of_point, nullptr) != 1) {
        return fail(Errc::ProtocolViolation, "key exchange error: malformed public key");
    }
    V1Secret secret{};
    std::ranges::copy(ByteView(hash).first(32), secret.key.begin());
    std::ranges::copy(ByteView(hash).subspan(32, 16), secret.iv.begin());
    wipe(hash);
    return secret;
}

Status check_v1_prefix(ByteView start) {
    const auto differs = [start](std::size_t from, std::size_t to) {
        const std::size_t end = std::min(to, start.size());
        return from < end && !std::ranges::equal(start.subspan(from, end - from),
                                                 ByteView(kPrefix).subspan(from, end - from));
    };
    if (differs(0, kMagicBytes)) {
        return fail(Errc::ProtocolViolation, "invalid wire magic number");
    }
    if (differs(kMagicBytes, kPrefix.size())) {
        return fail(Errc::UnsupportedVersion,
                    "invalid wire version: " +
                        std::to_string(std::to_integer<unsigned>(start[kMagicBytes])));
    }
    return {};
}

}  // namespace diglett::crypto
