#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace diglett::crypto {

/// Seals and opens the bytes of one carrier: bytes in, bytes out, no socket. Implemented by
/// SecureChannel (TLS 1.3) and V1Channel (protocol 1's raw ChaCha20).
///
/// Call sequence: advance() until established, feeding what the carrier brings and sending what was
/// appended to `out`; then feed() + open() for what arrives and seal() for what leaves.
class Channel {
  public:
    enum class State : unsigned char { Handshaking, Established };

    virtual ~Channel() = default;

    /// Offers ciphertext from the carrier. The view must stay valid until every byte is taken:
    /// until advance() has returned Handshaking, open() has returned 0, or either has failed. Bytes
    /// that are left when advance() returns Established wait for open(). @pre nothing is left of
    /// the view before.
    virtual void feed(ByteView ciphertext) = 0;

    /// Goes on with the handshake; what must be sent is appended to `out`, also when it fails (an
    /// alert).
    /// @return TlsFailed, GatewayKeyChanged, GatewayUntrusted or UnsupportedVersion.
    [[nodiscard]] virtual Result<State> advance(ByteVector& out) = 0;

    /// Opens as much as fits into `plaintext`; call it again until it returns 0 or an error.
    /// @return bytes written, 0 when more ciphertext is needed (or `plaintext` is empty);
    /// EndOfStream after the peer's orderly close (TLS close_notify); TlsFailed when the bytes do
    /// not verify. Answers that the layer itself owes the peer (key updates) are appended to `out`.
    [[nodiscard]] virtual Result<std::size_t> open(MutableBytes plaintext, ByteVector& out) = 0;

    /// Seals `parts` in order and appends the ciphertext to `out`. @return TlsFailed (our side is
    /// broken).
    [[nodiscard]] virtual Status seal(std::span<const ByteView> parts, ByteVector& out) = 0;

    /// Appends the orderly close to `out` (TLS close_notify; nothing in protocol 1).
    virtual void close(ByteVector& out) = 0;
};

}  // namespace diglett::crypto
