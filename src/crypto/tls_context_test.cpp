#include "crypto/tls_context.hpp"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/openssl.hpp"
#include "crypto/raw_bytes.hpp"
#include "crypto/trust.hpp"
#include "test/support/channel_pair.hpp"

namespace diglett::crypto {
namespace {

using test::ChannelEnd;
using test::ChannelPair;

const IdentityKey& identity() {
    static const IdentityKey key = IdentityKey::generate();
    return key;
}

/// OpenSSL itself on the other end, without our settings: what strangers and other implementations
/// do.
class RawPeer {
  public:
    explicit RawPeer(const SSL_METHOD* method)
        : context_(SSL_CTX_new(method), SSL_CTX_free), ssl_(nullptr, SSL_free) {}

    SSL_CTX* context() { return context_.get(); }

    SSL* ssl() {
        if (!ssl_) {
            ssl_.reset(SSL_new(context_.get()));
            BIO* in = BIO_new(BIO_s_mem());
            BIO* out = BIO_new(BIO_s_mem());
            SSL_set_bio(ssl_.get(), in, out);
        }
        return ssl_.get();
    }

    /// Steps both ends until neither has anything to say. @return whether the raw side is
    /// connected.
    bool handshake_with(ChannelEnd& end, bool as_client) {
        as_client ? SSL_set_connect_state(ssl()) : SSL_set_accept_state(ssl());
        for (int turn = 0; turn < 20; ++turn) {
            connected_ = SSL_do_handshake(ssl()) == 1 || connected_;
            ERR_clear_error();
            deliver(end);
            BIO_write(SSL_get_rbio(ssl()), end.out.data(), static_cast<int>(end.out.size()));
            end.out.clear();
        }
        return connected_;
    }

    /// Gives what the raw side has written to `end`.
    void deliver(ChannelEnd& end) {
        char* data = nullptr;
        const long size = BIO_get_mem_data(SSL_get_wbio(ssl()), &data);
        const std::string bytes(data, static_cast<std::size_t>(size));
        BIO_reset(SSL_get_wbio(ssl()));
        end.take(as_bytes(bytes));
    }

    void offer(std::string_view protocol) {
        const std::string list = static_cast<char>(protocol.size()) + std::string(protocol);
        SSL_CTX_set_alpn_protos(context(), raw(as_bytes(list)), static_cast<unsigned>(list.size()));
    }

    /// What the raw side reads as the next error, such as an alert.
    int next_error() {
        char byte = 0;
        ERR_clear_error();
        SSL_read(ssl(), &byte, 1);
        return ERR_GET_REASON(ERR_peek_error());
    }

  private:
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
    bool connected_ = false;
};

ChannelEnd new_server() {
    return ChannelEnd{ServerTls::create(identity())->accept()};
}

TEST(ServerTls, AcceptsAForeignTls13ClientWithItsAlpn) {
    RawPeer client(TLS_client_method());
    client.offer("diglett/2");
    ChannelEnd server = new_server();
    ASSERT_TRUE(client.handshake_with(server, true));
    ASSERT_TRUE(server.established);
    EXPECT_EQ(SSL_version(client.ssl()), TLS1_3_VERSION);
    EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get0_session(client.ssl())), 0);
    SSL_write(client.ssl(), "hi", 2);
    client.deliver(server);
    EXPECT_EQ(server.received, "hi");
    // The exporter without a context is what other libraries call by default.
    std::array<std::byte, 32> theirs{};
    ASSERT_EQ(SSL_export_keying_material(client.ssl(), raw(MutableBytes(theirs)), 32, "label", 5,
                                         nullptr, 0, 0),
              1);
    EXPECT_EQ(dynamic_cast<SecureChannel&>(*server.channel).exporter("label"), theirs);
}

TEST(ServerTls, RefusesAClientWithoutAlpnAfterTheHandshake) {
    RawPeer client(TLS_client_method());
    ChannelEnd server = new_server();
    client.handshake_with(server, true);
    EXPECT_FALSE(server.established);
    ASSERT_TRUE(server.error);
    EXPECT_EQ(server.error->code, Errc::UnsupportedVersion);
    char byte = 0;
    const int read = SSL_read(client.ssl(), &byte, 1);
    EXPECT_EQ(SSL_get_error(client.ssl(), read), SSL_ERROR_ZERO_RETURN) << "no close_notify";
}

TEST(ServerTls, RefusesAnotherAlpnWithAlert120) {
    for (const char* other : {"h2", "http/1.1", "diglett/1", "diglett/22"}) {
        RawPeer client(TLS_client_method());
        client.offer(other);
        ChannelEnd server = new_server();
        EXPECT_FALSE(client.handshake_with(server, true)) << other;
        ASSERT_TRUE(server.error) << other;
        EXPECT_EQ(server.error->code, Errc::UnsupportedVersion) << other;
    }
    RawPeer client(TLS_client_method());
    client.offer("h2");
    ChannelEnd server = new_server();
    client.ssl();
    SSL_set_connect_state(client.ssl());
    SSL_do_handshake(client.ssl());
    client.deliver(server);
    // An alert in plaintext: type 21, version, length 2, fatal, no_application_protocol.
    ASSERT_EQ(server.out.size(), 7U);
    EXPECT_EQ(server.out[0], std::byte{21});
    EXPECT_EQ(server.out[6], std::byte{120});
}

TEST(ServerTls, RefusesTls12) {
    RawPeer client(TLS_client_method());
    SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
    client.offer("diglett/2");
    ChannelEnd server = new_server();
    EXPECT_FALSE(client.handshake_with(server, true));
    ASSERT_TRUE(server.error);
    EXPECT_EQ(server.error->code, Errc::UnsupportedVersion);
}

TEST(ServerTls, EndsAPeerThatOnlyChangesKeys) {
    RawPeer client(TLS_client_method());
    client.offer("diglett/2");
    ChannelEnd server = new_server();
    ASSERT_TRUE(client.handshake_with(server, true));
    int updates = 0;
    while (!server.error && updates < 1000) {
        SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(client.ssl());
        client.deliver(server);
        ++updates;
    }
    ASSERT_TRUE(server.error);
    EXPECT_EQ(server.error->code, Errc::TooMuchNoise);
    EXPECT_LT(updates, 30);
}

TEST(ServerTls, AnswersAKeyUpdateBeforeItsNextData) {
    RawPeer client(TLS_client_method());
    client.offer("diglett/2");
    ChannelEnd server = new_server();
    ASSERT_TRUE(client.handshake_with(server, true));
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_write(client.ssl(), "new key", 7);
    client.deliver(server);
    EXPECT_EQ(server.received, "new key");
    EXPECT_FALSE(server.error);
    server.send("ours");
    // The update (5 bytes) in a record of its own, as the peer asked, then the data (RFC
    // 8446 4.6.3).
    EXPECT_EQ(server.out.size(), 5U + 22U + 4U + 22U);
    BIO_write(SSL_get_rbio(client.ssl()), server.out.data(), static_cast<int>(server.out.size()));
    char text[10] = {};
    EXPECT_EQ(SSL_read(client.ssl(), text, sizeof text), 4);
    EXPECT_STREQ(text, "ours");
}

TEST(ClientTls, RefusesAServerWithoutAlpnAndOneOfTls12) {
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
        RawPeer server(TLS_server_method());
        SSL_CTX_set_max_proto_version(server.context(), version);
        const std::string pem = identity().self_signed_certificate();
        SSL_CTX_use_certificate(server.context(), read_certificate(*reading_bio(pem)).get());
        SSL_CTX_use_PrivateKey(server.context(), identity().native());
        ChannelEnd client{ClientTls::create({})->connect("gateway.example")};
        client.take({});
        BIO_write(SSL_get_rbio(server.ssl()), client.out.data(),
                  static_cast<int>(client.out.size()));
        client.out.clear();
        server.handshake_with(client, false);
        EXPECT_FALSE(client.established);
        ASSERT_TRUE(client.error) << version;
        EXPECT_EQ(client.error->code, Errc::UnsupportedVersion) << version << client.error->text;
    }
}

/// A certificate for identity() and `san`, issued by `ca_key`, or by itself when that is null.
std::string certificate_for(const char* san, EVP_PKEY* key, EVP_PKEY* issuer, bool ca) {
    const X509Ptr certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ca ? 1 : 2);
    ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), "20200101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "20990101000000Z");
    const unsigned char root[] = "Root";
    const unsigned char leaf[] = "Leaf";
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, ca ? root : leaf, -1, -1, 0);
    name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, root, -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_NAME_free(name);
    X509_set_pubkey(certificate.get(), key);
    for (const auto& [nid, value] : {std::pair{NID_basic_constraints, ca ? "CA:TRUE" : "CA:FALSE"},
                                     std::pair{NID_subject_alt_name, san}}) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        X509_add_ext(certificate.get(), extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509_sign(certificate.get(), issuer, EVP_sha256());
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return written_text(*bio);
}

PeerIdentity meet(const ServerTls& server, const ClientTls& client, std::string_view host) {
    ChannelPair pair{ChannelEnd{client.connect(host)}, ChannelEnd{server.accept()}};
    pair.run();
    EXPECT_TRUE(pair.established());
    return dynamic_cast<SecureChannel&>(*pair.client.channel).peer_identity();
}

TEST(ClientTls, VerifiesChainAndHostOfAnIssuedIdentityCertificate) {
    const PkeyPtr ca_key(EVP_EC_gen("P-256"));
    const std::string ca = certificate_for("DNS:root", ca_key.get(), ca_key.get(), true);
    const std::string leaf = certificate_for("DNS:gateway.example,IP:192.0.2.7",
                                             identity().native(), ca_key.get(), false);
    const auto server = ServerTls::create(identity(), leaf);
    ASSERT_TRUE(server) << server.error().text;
    ClientTls::Options options;
    options.ca_pem = ca;
    const auto client = ClientTls::create(options);
    ASSERT_TRUE(client);
    for (const char* good : {"gateway.example", "192.0.2.7"}) {
        const PeerIdentity met = meet(*server, *client, good);
        EXPECT_TRUE(met.verified_by_ca) << good << met.ca_error;
        EXPECT_TRUE(accept_verified(met));
        EXPECT_EQ(met.pin, identity().pin());
    }
    for (const char* bad : {"other.example", "192.0.2.8", "", "gateway.example.evil"}) {
        const PeerIdentity met = meet(*server, *client, bad);
        EXPECT_FALSE(met.verified_by_ca) << bad;
        EXPECT_FALSE(met.ca_error.empty()) << bad;
        const Status refused = accept_verified(met);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::GatewayUntrusted);
    }
    const PeerIdentity stranger = meet(*server, *ClientTls::create({}), "gateway.example");
    EXPECT_FALSE(stranger.verified_by_ca);
    EXPECT_EQ(stranger.pin, identity().pin());

    options.ca_pem = leaf;  // the certificate itself may be trusted, too
    EXPECT_TRUE(meet(*server, *ClientTls::create(options), "gateway.example").verified_by_ca);
}

TEST(ClientTls, NeverVerifiesASelfSignedCertificateByTheSystem) {
    ClientTls::Options options;
    options.system_roots = true;
    const auto server = ServerTls::create(identity());
    const PeerIdentity met = meet(*server, *ClientTls::create(options), "localhost");
    EXPECT_FALSE(met.verified_by_ca);
    EXPECT_EQ(met.pin, identity().pin());
}

TEST(ClientTls, RefusesACaFileWithoutCertificate) {
    ClientTls::Options options;
    options.ca_pem = "nothing here";
    const auto client = ClientTls::create(options);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, Errc::InvalidConfig);
}

TEST(ServerTls, RefusesACertificateOfAnotherKey) {
    for (const std::string& pem :
         {IdentityKey::generate().self_signed_certificate(), std::string("garbage")}) {
        const auto server = ServerTls::create(identity(), pem);
        ASSERT_FALSE(server);
        EXPECT_EQ(server.error().code, Errc::InvalidConfig);
    }
}

TEST(Trust, AcceptsOneOfThePinsAndNamesBothSidesOtherwise) {
    const PeerIdentity met{.pin = identity().pin(), .verified_by_ca = false, .ca_error = "x"};
    const Pin other = IdentityKey::generate().pin();
    EXPECT_TRUE(accept_pinned(std::vector{other, identity().pin()}, met));
    EXPECT_FALSE(accept_pinned({}, met));
    const Status refused = accept_pinned(std::vector{other}, met);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::GatewayKeyChanged);
    EXPECT_NE(refused.error().text.find(other.to_text()), std::string::npos);
    EXPECT_NE(refused.error().text.find(identity().pin().to_text()), std::string::npos);
}

TEST(ServerTls, ServesSeveralThreadsAtOnce) {
    const auto server = ServerTls::create(identity());
    const auto client = ClientTls::create({});
    std::vector<std::thread> workers;
    workers.reserve(4);
    std::vector<int> good(4, 0);
    for (int& count : good) {
        workers.emplace_back([&server, &client, &count] {
            for (int i = 0; i < 25; ++i) {
                ChannelPair pair{ChannelEnd{client->connect("a")}, ChannelEnd{server->accept()}};
                pair.run();
                count += pair.established() ? 1 : 0;
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    EXPECT_EQ(good, std::vector<int>(4, 25));
}

}  // namespace
}  // namespace diglett::crypto
