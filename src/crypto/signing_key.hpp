#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/mini_secret.hpp"
#include "crypto/sr25519.hpp"

/// The two kinds of keys that an account of a Substrate chain may have.
namespace diglett::crypto {

enum class KeyType : unsigned char { Sr25519, Ed25519 };

using PublicKey = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;

/// The word of configurations: "sr25519", "ed25519".
[[nodiscard]] std::string_view to_string(KeyType type);

/// Whether `signature` is the key owner's over `message`, `key` being of kind `type`. Nobody signs
/// for the all-zero key.
[[nodiscard]] bool verify(KeyType type, const PublicKey& key, ByteView message,
                          const Signature& signature);

/// 32 bytes that stand for the hard junction `//NAME`: a number when `name` is one below 2^64, else
/// text.
[[nodiscard]] std::array<std::byte, 32> chain_code(std::string_view name);

/// A private key of either kind; wiped when it goes.
class SigningKey {
  public:
    SigningKey(KeyType type, const MiniSecret& secret);

    /// Reads a secret as MiniSecret::parse does, with hard junctions `//NAME` behind it or none.
    /// @return InvalidConfig, with words that say nothing about the secret; also for a soft
    /// junction
    /// `/NAME` and a password `///...`, which twins' keys do not have.
    [[nodiscard]] static Result<SigningKey> parse(KeyType type, std::string_view text);

    [[nodiscard]] KeyType type() const;
    [[nodiscard]] PublicKey public_key() const;
    [[nodiscard]] Signature sign(ByteView message) const;

  private:
    std::variant<Sr25519Key, Ed25519Key> key_;
};

/// The secret of the child of `secret` at a hard junction.
[[nodiscard]] MiniSecret derive_hard(KeyType type, const MiniSecret& secret,
                                     const std::array<std::byte, 32>& chain_code);

}  // namespace diglett::crypto
