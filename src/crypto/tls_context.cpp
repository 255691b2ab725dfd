#include "crypto/tls_context.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#if defined(__aarch64__) || defined(__arm__)
#include <sys/auxv.h>
#endif

#include "crypto/openssl.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

using ContextPtr = std::shared_ptr<SSL_CTX>;

/// kAlpn as the list that TLS carries: a length before each name (RFC 7301 section 3.1).
std::string alpn_list() {
    return static_cast<char>(kAlpn.size()) + std::string(kAlpn);
}

bool has_aes_instructions() {
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("aes") != 0;
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & (1UL << 3U)) != 0;  // HWCAP_AES of <asm/hwcap.h>
#else
    return false;
#endif
}

/// AES is the faster one with instructions for it, and otherwise slow or open to cache timing.
const char* cipher_suites() {
    return has_aes_instructions()
               ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
               : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
}

ContextPtr new_context(const SSL_METHOD* method) {
    ContextPtr context(checked(SSL_CTX_new(method)), SSL_CTX_free);
    SSL_CTX* const ctx = context.get();
    checked(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION));
    checked(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION));
    checked(SSL_CTX_set_ciphersuites(ctx, cipher_suites()));
    checked(SSL_CTX_set1_groups_list(ctx, "X25519:P-256"));
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    checked(SSL_CTX_set_num_tickets(ctx, 0));
    checked(SSL_CTX_set_max_early_data(ctx, 0));
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    // An idle connection gives back its 33 KB of record buffers; bulk was measured as fast either
    // way.
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
    return context;
}

int select_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned offered_size, void*) {
    const std::string ours = alpn_list();
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, chosen_size, raw(as_bytes(ours)),
                              static_cast<unsigned>(ours.size()), offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol (120)
    }
    // `found` lies in `ours`, which ends here; OpenSSL copies from static memory.
    *chosen = raw(as_bytes(kAlpn));
    return SSL_TLSEXT_ERR_OK;
}

SecureChannel::SslPtr new_ssl(SSL_CTX* context) {
    return SecureChannel::SslPtr(checked(SSL_new(context)));
}

/// Checks the name or address of the certificate, and sends a name as SNI.
void expect_host(SSL* ssl, const std::string& host) {
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1) {
        return;
    }
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // Nobody can have a certificate for a name under .invalid (RFC 6761 section 6.4).
    const std::string name = host.empty() ? "none.invalid" : host;
    checked(X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()));
    if (!host.empty()) {
        // A name too long for SNI is left out; it will not match a certificate either.
        SSL_set_tlsext_host_name(ssl, host.c_str());
        ERR_clear_error();
    }
}

Status trust(SSL_CTX* context, std::string_view ca_pem) {
    const BioPtr bio = reading_bio(ca_pem);
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    std::size_t count = 0;
    while (const X509Ptr certificate = read_certificate(*bio)) {
        checked(X509_STORE_add_cert(store, certificate.get()));
        ++count;
    }
    if (count == 0) {
        return fail(Errc::InvalidConfig,
                    "no certificate in PEM in the file of trusted certificates");
    }
    checked(X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN));
    return {};
}

Status show_certificate(SSL_CTX* context, const IdentityKey& key, std::string_view pem) {
    const BioPtr bio = reading_bio(pem);
    const X509Ptr leaf = read_certificate(*bio);
    if (!leaf) {
        return fail(Errc::InvalidConfig, "no certificate in PEM in the identity certificate");
    }
    if (pin_of(*leaf) != key.pin()) {
        return fail(Errc::InvalidConfig, "the identity certificate is for the key " +
                                             pin_of(*leaf).to_text() + ", not for this gateway's " +
                                             key.pin().to_text());
    }
    ERR_clear_error();
    if (SSL_CTX_use_certificate(context, leaf.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, key.native()) != 1) {
        return fail_openssl(Errc::InvalidConfig, "the identity certificate cannot be used");
    }
    while (const X509Ptr next = read_certificate(*bio)) {
        checked(static_cast<int>(SSL_CTX_add1_chain_cert(context, next.get())));
    }
    return {};
}

}  // namespace

ServerTls::ServerTls(ContextPtr context, SecureChannel::Options options)
    : context_(std::move(context)), options_(options) {}

Result<ServerTls> ServerTls::create(const IdentityKey& key, std::string_view certificate_pem,
                                    SecureChannel::Options options) {
    ContextPtr context = new_context(TLS_server_method());
    SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, nullptr);
    const std::string own = certificate_pem.empty() ? key.self_signed_certificate() : "";
    const Status shown =
        show_certificate(context.get(), key, certificate_pem.empty() ? own : certificate_pem);
    if (!shown) {
        return forward_error(shown);
    }
    return ServerTls(std::move(context), options);
}

std::unique_ptr<SecureChannel> ServerTls::accept() const {
    SecureChannel::SslPtr ssl = new_ssl(context_.get());
    SSL_set_accept_state(ssl.get());
    return std::make_unique<SecureChannel>(std::move(ssl), options_);
}

ClientTls::ClientTls(ContextPtr context, SecureChannel::Options options)
    : context_(std::move(context)), options_(options) {}

Result<ClientTls> ClientTls::create(const Options& options) {
    ContextPtr context = new_context(TLS_client_method());
    // The chain is still built and checked; its verdict is reported instead of ending the
    // handshake.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    const std::string protocols = alpn_list();
    // Alone among its like, this function returns 0 for success.
    checked(SSL_CTX_set_alpn_protos(context.get(), raw(as_bytes(protocols)),
                                    static_cast<unsigned>(protocols.size())) == 0
                ? 1
                : 0);
    if (!options.ca_pem.empty()) {
        if (const Status trusted = trust(context.get(), options.ca_pem); !trusted) {
            return forward_error(trusted);
        }
    }
    if (options.system_roots) {
        checked(SSL_CTX_set_default_verify_paths(context.get()));
        ERR_clear_error();  // a system without roots verifies nothing, which is reported later
    }
    return ClientTls(std::move(context), options.channel);
}

std::unique_ptr<SecureChannel> ClientTls::connect(std::string_view host) const {
    SecureChannel::SslPtr ssl = new_ssl(context_.get());
    SSL_set_connect_state(ssl.get());
    expect_host(ssl.get(), std::string(host));
    return std::make_unique<SecureChannel>(std::move(ssl), options_);
}

}  // namespace diglett::crypto
