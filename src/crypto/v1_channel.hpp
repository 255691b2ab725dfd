#pragma once

#include <optional>

#include "crypto/channel.hpp"
#include "crypto/v1_cipher.hpp"
#include "crypto/v1_handshake.hpp"

namespace diglett::crypto {

/// Protocol 1's carrier. Hides bytes from a passive listener who knows nothing else, and gives no
/// more than that: nobody is authenticated, bytes can be flipped on the way, and both directions
/// share a key stream. open() never fails, and there is no close: the end is the carrier's own.
class V1Channel final : public Channel {
  public:
    /// The agent speaks first; the gateway answers a good handshake.
    enum class Role : unsigned char { Agent, Gateway };

    /// With a fresh key pair, unless a test gives one.
    explicit V1Channel(Role role, const V1KeyPair& keys = V1KeyPair::generate());

    void feed(ByteView ciphertext) override;

    /// @return ProtocolViolation for another magic or a malformed key, UnsupportedVersion for
    /// another version: at the first byte that is wrong. Nothing is sent then.
    [[nodiscard]] Result<State> advance(ByteVector& out) override;

    [[nodiscard]] Result<std::size_t> open(MutableBytes plaintext, ByteVector& out) override;
    [[nodiscard]] Status seal(std::span<const ByteView> parts, ByteVector& out) override;
    void close(ByteVector& out) override;

  private:
    struct Ciphers {
        V1Cipher opening;
        V1Cipher sealing;
    };

    void take_handshake();

    Role role_;
    V1KeyPair keys_;
    bool sent_ = false;
    ByteView input_;
    V1Handshake peer_{};
    std::size_t peer_bytes_ = 0;
    std::optional<Ciphers> ciphers_;
};

}  // namespace diglett::crypto
