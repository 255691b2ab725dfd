#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/bytes_bio.hpp"
#include "crypto/channel.hpp"
#include "crypto/pin.hpp"

struct ssl_st;

namespace diglett::crypto {

/// The protocol both sides must name in TLS (ALPN, RFC 7301).
inline constexpr std::string_view kAlpn = "diglett/2";

/// Plaintext of the largest TLS record (RFC 8446 section 5.1).
inline constexpr std::size_t kMaxRecordBytes = 16384;

/// Records sealed with one key before the next key. AES-GCM stays within its bounds for 2^24.5 full
/// records (RFC 8446 section 5.5); this is below half of it.
inline constexpr std::uint64_t kKeyUpdateRecords = std::uint64_t{1} << 23U;

/// Who answered the client, as far as TLS can tell. The owner decides what is enough
/// (crypto/trust.hpp).
struct PeerIdentity {
    Pin pin;  ///< Of the key that the peer proved to hold.
    bool verified_by_ca =
        false;             ///< Chain and host name are good under the roots of the ClientTls.
    std::string ca_error;  ///< Why not, for people.
};

/// TLS 1.3 around OpenSSL, over bytes in memory (class Channel has the call sequence). Made by
/// ServerTls and ClientTls. One thread at a time; different channels of one context may run on
/// different threads.
///
/// An error is final: every later call returns it again.
class SecureChannel final : public Channel {
  public:
    struct Options {
        /// Records after which the sending key is replaced, 1 or more; lower it in tests only.
        std::uint64_t key_update_records = kKeyUpdateRecords;
    };

    struct SslFree {
        void operator()(ssl_st* ssl) const;
    };

    using SslPtr = std::unique_ptr<ssl_st, SslFree>;

    /// Takes an SSL with its side set and nothing sent. @pre key_update_records > 0.
    SecureChannel(SslPtr ssl, Options options);
    SecureChannel(const SecureChannel&) = delete;
    SecureChannel& operator=(const SecureChannel&) = delete;
    ~SecureChannel() override;

    void feed(ByteView ciphertext) override;

    /// @return UnsupportedVersion when TLS 1.3 with ALPN diglett/2 cannot be agreed on, TlsFailed
    /// for any other failure. The client accepts every certificate here: look at peer_identity()
    /// before anything secret is sealed.
    [[nodiscard]] Result<State> advance(ByteVector& out) override;

    /// Also TooMuchNoise: more handshake messages after the handshake than a good peer sends.
    [[nodiscard]] Result<std::size_t> open(MutableBytes plaintext, ByteVector& out) override;

    /// A part of kMaxRecordBytes or more is cut into full records where it lies; smaller neighbours
    /// share a record while they fit into one. So parts whose frames fill records keep frames and
    /// records aligned.
    [[nodiscard]] Status seal(std::span<const ByteView> parts, ByteVector& out) override;

    /// Nothing before the handshake is done, after an error, or a second time.
    void close(ByteVector& out) override;

    /// 32 bytes that only the two ends of this connection know (RFC 8446 section 7.5); an empty
    /// context is the same as none. @pre established. @return TlsFailed.
    [[nodiscard]] Result<std::array<std::byte, 32>> exporter(std::string_view label,
                                                             ByteView context = {}) const;

    /// The gateway's identity. @pre established, on the client's side.
    [[nodiscard]] const PeerIdentity& peer_identity() const { return peer_; }

    /// Of the peer's key (zeros on the server's side, where nobody shows one). @pre established.
    [[nodiscard]] const Sha256Digest& peer_spki_sha256() const { return peer_.pin.sha256; }

    /// Key changes of our sending direction so far.
    [[nodiscard]] std::uint64_t key_updates_sent() const { return key_updates_sent_; }

    /// The cipher suite's name, for logs. @pre established.
    [[nodiscard]] std::string_view cipher() const;

  private:
    Result<State> finish_handshake();
    Status write_records(ByteView bytes);
    Status flush_gathered();
    std::unexpected<Error> remember(Error error);
    std::unexpected<Error> remember_openssl_failure();
    void note_handshake_message();

    BytesIo io_;
    SslPtr ssl_;
    Options options_;
    PeerIdentity peer_;
    std::optional<Error> failure_;
    ByteVector gathered_;
    std::uint64_t records_under_key_ = 0;
    std::uint64_t key_updates_sent_ = 0;
    std::uint64_t opened_bytes_ = 0;
    std::uint64_t late_messages_ = 0;
    bool established_ = false;
    bool closed_ = false;
};

}  // namespace diglett::crypto
