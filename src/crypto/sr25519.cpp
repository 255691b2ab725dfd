#include "crypto/sr25519.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "base/assert.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/random.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

using Scalar = std::array<std::byte, 32>;
using Point = std::array<std::byte, 32>;
using Wide = std::array<std::byte, 64>;

constexpr std::byte kMarker{0x80};  // schnorrkel's, in the last byte: no ed25519 signature has it

Scalar reduce(const Wide& wide) {
    Scalar scalar{};
    crypto_core_ristretto255_scalar_reduce(raw(MutableBytes(scalar)), raw(ByteView(wide)));
    return scalar;
}

/// libsodium has no such test: what is below the order stays as it is when reduced.
bool is_canonical(const Scalar& scalar) {
    Wide wide{};
    std::ranges::copy(scalar, wide.begin());
    return reduce(wide) == scalar;
}

/// Nothing when the product is the identity.
std::optional<Point> times_base(const Scalar& scalar) {
    Point point{};
    if (crypto_scalarmult_ristretto255_base(raw(MutableBytes(point)), raw(ByteView(scalar))) != 0) {
        return std::nullopt;
    }
    return point;
}

/// Nothing when `point` is none, or the product is the identity.
std::optional<Point> times(const Scalar& scalar, const Point& point) {
    Point product{};
    if (crypto_scalarmult_ristretto255(raw(MutableBytes(product)), raw(ByteView(scalar)),
                                       raw(ByteView(point))) != 0) {
        return std::nullopt;
    }
    return product;
}

/// The scalar half of a signature, without the marker; nothing when it is not in its one spelling.
std::optional<Scalar> scalar_of(ByteView signature) {
    Scalar scalar{};
    std::ranges::copy(signature.subspan(32, 32), scalar.begin());
    if ((scalar.back() & kMarker) == std::byte{0}) {
        return std::nullopt;
    }
    scalar.back() &= ~kMarker;
    return is_canonical(scalar) ? std::optional(scalar) : std::nullopt;
}

bool is_zero(const Point& point) {
    return std::ranges::all_of(point, [](std::byte b) { return b == std::byte{0}; });
}

/// `little_endian` shifted right by three bits, which makes a clamped ed25519 scalar one of
/// ristretto255.
void divide_by_8(Scalar& little_endian) {
    std::byte carry{};
    for (std::size_t i = little_endian.size(); i-- > 0;) {
        const std::byte byte = little_endian[i];
        little_endian[i] = (byte >> 3U) | carry;
        carry = byte << 5U;
    }
}

}  // namespace

MerlinTranscript sr25519_transcript(const Sr25519PublicKey& key, ByteView message) {
    MerlinTranscript transcript("SigningContext");
    transcript.append("", "substrate");
    transcript.append("sign-bytes", message);
    transcript.append("proto-name", "Schnorr-sig");
    transcript.append("sign:pk", key);
    return transcript;
}

std::array<std::byte, 64> sr25519_challenge(MerlinTranscript& transcript,
                                            std::span<const std::byte, 32> commitment) {
    Wide wide{};
    transcript.append("sign:R", commitment);
    transcript.challenge("sign:c", wide);
    return wide;
}

bool verify_sr25519(const Sr25519PublicKey& key, ByteView message, ByteView signature) {
    if (signature.size() != 64 || is_zero(key) ||
        crypto_core_ristretto255_is_valid_point(raw(ByteView(key))) != 1) {
        return false;
    }
    const auto scalar = scalar_of(signature);
    if (!scalar) {
        return false;
    }
    auto transcript = sr25519_transcript(key, message);
    const auto commitment = signature.first<32>();
    const auto left = times_base(*scalar);
    const auto right = times(reduce(sr25519_challenge(transcript, commitment)), key);
    if (!left || !right) {
        return false;
    }
    // The commitment need not be decoded: in another spelling it just never matches.
    Point difference{};
    return crypto_core_ristretto255_sub(raw(MutableBytes(difference)), raw(ByteView(*left)),
                                        raw(ByteView(*right))) == 0 &&
           std::ranges::equal(difference, commitment);
}

Sr25519Key::Sr25519Key(std::span<const std::byte, 32> mini_secret) {
    Wide expanded{};
    crypto_hash_sha512(raw(MutableBytes(expanded)), raw(ByteView(mini_secret)), mini_secret.size());
    std::copy_n(expanded.begin(), 32, scalar_.begin());
    std::copy_n(expanded.begin() + 32, 32, nonce_.begin());
    wipe(expanded);
    scalar_.front() &= std::byte{0xf8};
    scalar_.back() &= std::byte{0x3f};
    scalar_.back() |= std::byte{0x40};
    divide_by_8(scalar_);
    const auto point = times_base(scalar_);
    DIGLETT_ASSERT(point.has_value());  // 2^251 <= scalar < 2^252, which is below the order
    public_key_ = *point;
}

Sr25519Key::~Sr25519Key() {
    wipe(scalar_);
    wipe(nonce_);
}

Sr25519Signature Sr25519Key::sign(ByteView message) const {
    auto transcript = sr25519_transcript(public_key_, message);
    Scalar secret = draw_scalar(transcript);
    const auto commitment = times_base(secret);
    DIGLETT_ASSERT(commitment.has_value());  // a zero has a chance of 2^-252
    const Scalar challenge = reduce(sr25519_challenge(transcript, *commitment));

    Scalar product{};
    Scalar sum{};
    crypto_core_ristretto255_scalar_mul(raw(MutableBytes(product)), raw(ByteView(challenge)),
                                        raw(ByteView(scalar_)));
    crypto_core_ristretto255_scalar_add(raw(MutableBytes(sum)), raw(ByteView(product)),
                                        raw(ByteView(secret)));
    wipe(product);
    wipe(secret);

    Sr25519Signature signature{};
    std::ranges::copy(*commitment, signature.begin());
    std::ranges::copy(sum, signature.begin() + 32);
    signature.back() |= kMarker;
    return signature;
}

std::array<std::byte, 32> Sr25519Key::draw_scalar(MerlinTranscript transcript) const {
    // Bound to key and message, so that two messages get two nonces even with a broken generator;
    // fresh as well, so that a fault in one signature gives nothing away about another.
    auto fresh = random_bytes<32>();
    transcript.append("nonce-seed", nonce_);
    transcript.append("fresh", fresh);
    wipe(fresh);
    Wide wide{};
    transcript.challenge("nonce", wide);
    const Scalar scalar = reduce(wide);
    wipe(wide);
    return scalar;
}

std::array<std::byte, 32> Sr25519Key::derive_hard(std::span<const std::byte, 32> chain_code) const {
    std::array<std::byte, 32> child{};
    MerlinTranscript transcript("SchnorrRistrettoHDKD");
    transcript.append("sign-bytes", "");
    transcript.append("chain-code", chain_code);
    transcript.append("secret-key", scalar_);
    transcript.challenge("HDKD-hard", child);
    return child;
}

}  // namespace diglett::crypto
