#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/bytes.hpp"

namespace diglett::crypto {

/// Ed25519 as in RFC 8032, over the message itself.
using Ed25519PublicKey = std::array<std::byte, 32>;
using Ed25519Signature = std::array<std::byte, 64>;

/// Whether `signature` is the key owner's over `message`. False for any other length, for keys of
/// small order (zero is one) and for a signature in a second spelling.
[[nodiscard]] bool verify_ed25519(const Ed25519PublicKey& key, ByteView message,
                                  ByteView signature);

/// A private key; wiped when it goes.
class Ed25519Key {
  public:
    /// The key of RFC 8032's 32-byte secret.
    explicit Ed25519Key(std::span<const std::byte, 32> seed);
    Ed25519Key(const Ed25519Key&) = default;
    Ed25519Key& operator=(const Ed25519Key&) = default;
    ~Ed25519Key();

    [[nodiscard]] Ed25519PublicKey public_key() const;

    /// The same key and message give the same signature.
    [[nodiscard]] Ed25519Signature sign(ByteView message) const;

    /// The secret that this was made of; the name is long so that each use stands out in review.
    [[nodiscard]] std::span<const std::byte, 32> expose_seed() const {
        return std::span(secret_).first<32>();
    }

  private:
    std::array<std::byte, 64> secret_;  // seed and public key, as libsodium keeps them
};

}  // namespace diglett::crypto
