#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/identity_key.hpp"
#include "crypto/secure_channel.hpp"

struct ssl_ctx_st;

namespace diglett::crypto {

/// The gateway's side of TLS, shared by all its connections: TLS 1.3 only, ALPN diglett/2, no
/// tickets, no 0-RTT, no session cache. accept() may be called from several threads at once.
class ServerTls {
  public:
    /// Shows a certificate of `key`: the chain in `certificate_pem` (leaf first), or, when that is
    /// empty, one signed by itself.
    /// @return InvalidConfig when the text holds no certificate or its first is not for `key`.
    [[nodiscard]] static Result<ServerTls> create(const IdentityKey& key,
                                                  std::string_view certificate_pem = {},
                                                  SecureChannel::Options options = {});

    /// The server's end of a new connection. It keeps what it needs of this object alive.
    [[nodiscard]] std::unique_ptr<SecureChannel> accept() const;

  private:
    ServerTls(std::shared_ptr<ssl_ctx_st> context, SecureChannel::Options options);

    std::shared_ptr<ssl_ctx_st> context_;
    SecureChannel::Options options_;
};

/// The agent's side, for connections that are checked against the same roots. connect() may be
/// called from several threads at once.
class ClientTls {
  public:
    struct Options {
        /// Certificates to trust, in PEM; each may also be the gateway's own. Empty: none.
        std::string ca_pem;
        /// Also trust the roots of the system (public WebPKI).
        bool system_roots = false;
        SecureChannel::Options channel;
    };

    /// @return InvalidConfig when `ca_pem` is not empty and holds no certificate.
    [[nodiscard]] static Result<ClientTls> create(const Options& options);

    /// The client's end of a new connection to `host`, a DNS name or an IP address without
    /// brackets: sent as SNI when it is a name, and compared with the certificate for
    /// PeerIdentity::verified_by_ca. An empty `host` is never verified.
    [[nodiscard]] std::unique_ptr<SecureChannel> connect(std::string_view host) const;

  private:
    ClientTls(std::shared_ptr<ssl_ctx_st> context, SecureChannel::Options options);

    std::shared_ptr<ssl_ctx_st> context_;
    SecureChannel::Options options_;
};

}  // namespace diglett::crypto
