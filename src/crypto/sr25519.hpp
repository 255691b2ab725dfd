#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "crypto/merlin.hpp"

/// sr25519: Schnorr signatures over ristretto255 with a Merlin transcript, as schnorrkel makes
/// them, in the signing context "substrate" of Substrate chains.
namespace diglett::crypto {

using Sr25519PublicKey = std::array<std::byte, 32>;
using Sr25519Signature = std::array<std::byte, 64>;

/// The transcript of a signature over `message` up to and with the public key.
[[nodiscard]] MerlinTranscript sr25519_transcript(const Sr25519PublicKey& key, ByteView message);

/// The challenge of a signature whose first half is `commitment`; ends the transcript.
[[nodiscard]] std::array<std::byte, 64> sr25519_challenge(
    MerlinTranscript& transcript, std::span<const std::byte, 32> commitment);

/// Whether `signature` is the key owner's over `message`. False, too, for
/// - another length than 64, a cleared marker bit (the top bit of the last byte), a scalar that is
///   not below the group's order;
/// - a key that is no point, or is the identity (all zero): for that one, anybody could sign.
[[nodiscard]] bool verify_sr25519(const Sr25519PublicKey& key, ByteView message,
                                  ByteView signature);

/// A private key; wiped when it goes.
class Sr25519Key {
  public:
    /// The key of a mini secret, expanded as schnorrkel's ExpansionMode::Ed25519 does.
    explicit Sr25519Key(std::span<const std::byte, 32> mini_secret);
    Sr25519Key(const Sr25519Key&) = default;
    Sr25519Key& operator=(const Sr25519Key&) = default;
    ~Sr25519Key();

    [[nodiscard]] const Sr25519PublicKey& public_key() const { return public_key_; }

    /// Each call gives another signature, all valid.
    [[nodiscard]] Sr25519Signature sign(ByteView message) const;

    /// The mini secret of the child at a hard junction with `chain_code`. The caller wipes it.
    [[nodiscard]] std::array<std::byte, 32> derive_hard(
        std::span<const std::byte, 32> chain_code) const;

    /// For the comparison with recorded keys: the parts of the secret.
    [[nodiscard]] std::span<const std::byte, 32> expose_scalar() const { return scalar_; }

    [[nodiscard]] std::span<const std::byte, 32> expose_nonce() const { return nonce_; }

  private:
    [[nodiscard]] std::array<std::byte, 32> draw_scalar(MerlinTranscript transcript) const;

    std::array<std::byte, 32> scalar_{};
    std::array<std::byte, 32> nonce_{};
    Sr25519PublicKey public_key_{};
};

}  // namespace diglett::crypto
