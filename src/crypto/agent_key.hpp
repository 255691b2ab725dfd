#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/ed25519.hpp"

namespace diglett::crypto {

using AgentPublicKey = Ed25519PublicKey;
using LoginSignature = Ed25519Signature;

/// What is signed before the exporter, so that a signature means nothing anywhere else.
inline constexpr std::string_view kLoginContext = "diglett-2 login";

/// The agent's Ed25519 key (RFC 8032): made at its first start, it proves that the same agent is
/// back. Wipes its secret when it goes.
class AgentKey {
  public:
    /// A fresh key from the system's randomness.
    [[nodiscard]] static AgentKey generate();

    /// Reads the line that to_text() writes; one line feed at its end is allowed. @return
    /// InvalidConfig for anything else.
    [[nodiscard]] static Result<AgentKey> parse(std::string_view text);

    /// The seed as one line without line feed, `ed25519:` and 64 hexadecimal digits: for a file of
    /// mode 0600, never for a log.
    [[nodiscard]] std::string to_text() const;

    [[nodiscard]] AgentPublicKey public_key() const { return key_.public_key(); }

    /// Signs kLoginContext followed by `exporter`, the 32 bytes of SecureChannel::exporter: the
    /// signature is good on that connection only.
    [[nodiscard]] LoginSignature sign_login(std::span<const std::byte, 32> exporter) const;

  private:
    explicit AgentKey(std::span<const std::byte, 32> seed) : key_(seed) {}

    Ed25519Key key_;
};

/// Whether the holder of `key` signed the login on the connection of `exporter`. False for keys of
/// small order and signatures in a second spelling, too.
[[nodiscard]] bool verify_login(const AgentPublicKey& key, std::span<const std::byte, 32> exporter,
                                const LoginSignature& signature);

/// The FINGERPRINT of the identity `key:FINGERPRINT`: the first 16 bytes of SHA-256 over the public
/// key, as 32 hexadecimal digits. 128 bits: finding a second key for a fingerprint is out of reach,
/// and two keys of one owner with the same fingerprint harm nobody but him.
[[nodiscard]] std::string fingerprint(const AgentPublicKey& key);

}  // namespace diglett::crypto
