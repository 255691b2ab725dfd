#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace diglett::crypto {

/// Protocol 1's handshake: magic "digl", version 1, a compressed secp256k1 public key; the agent
/// first, then the gateway. (protocol 1, handshake)
inline constexpr std::size_t kV1HandshakeBytes = 38;
using V1Handshake = std::array<std::byte, kV1HandshakeBytes>;

/// What both ends derive: SHA-512 over the shared point (x, then y, 32 bytes each), bytes 0-31 the
/// key and 32-47 the start of the block counter and nonce. One for both directions: that is
/// protocol 1's weakness, not ours to mend.
struct V1Secret {
    std::array<std::byte, 32> key;
    std::array<std::byte, 16> iv;
};

/// A key pair for one connection; never keep one for a second. Wipes itself when it goes.
class V1KeyPair {
  public:
    /// A fresh pair from the system's randomness.
    [[nodiscard]] static V1KeyPair generate();

    /// For tests with known keys. @return InvalidUsage when the number is 0 or not below the order.
    [[nodiscard]] static Result<V1KeyPair> from_private(std::span<const std::byte, 32> number);

    V1KeyPair(const V1KeyPair&) = default;
    V1KeyPair& operator=(const V1KeyPair&) = default;
    ~V1KeyPair();

    /// The 38 bytes to send.
    [[nodiscard]] const V1Handshake& handshake() const { return handshake_; }

    /// The secret shared with the sender of `peer`. @return as check_v1_prefix, and
    /// ProtocolViolation when the key is no point of the curve.
    [[nodiscard]] Result<V1Secret> agree(const V1Handshake& peer) const;

  private:
    V1KeyPair(std::span<const std::byte, 32> number, const V1Handshake& handshake);

    std::array<std::byte, 32> private_;
    V1Handshake handshake_;
};

/// Checks as much of a handshake as `start` holds (38 bytes or fewer), so that a stranger is
/// refused at its first wrong byte. @return ProtocolViolation for another magic, UnsupportedVersion
/// for another version.
[[nodiscard]] Status check_v1_prefix(ByteView start);

}  // namespace diglett::crypto
