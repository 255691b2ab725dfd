#include "crypto/identity_key.hpp"

#include <array>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/openssl.hpp"
#include "crypto/random.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

constexpr const char* kNotBefore = "20200101000000Z";
constexpr const char* kNotAfter = "99991231235959Z";  // RFC 5280 4.1.2.5: no well-defined end

/// Keeps OpenSSL from asking for a pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) {
    return -1;
}

bool is_p256(const EVP_PKEY& key) {
    std::array<char, 32> group{};
    return EVP_PKEY_is_a(&key, "EC") == 1 &&
           EVP_PKEY_get_group_name(&key, group.data(), group.size(), nullptr) == 1 &&
           std::string_view(group.data()) == SN_X9_62_prime256v1;
}

void add_extension(X509& certificate, int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>> extension(
        checked(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value)));
    checked(X509_add_ext(&certificate, extension.get(), -1));
}

void set_serial(X509& certificate) {
    auto serial = random_bytes<16>();
    serial[0] &= std::byte{0x7f};  // positive, RFC 5280 4.1.2.2
    const std::unique_ptr<BIGNUM, OpensslFree<BN_free>> number(
        checked(BN_bin2bn(raw(ByteView(serial)), static_cast<int>(serial.size()), nullptr)));
    static_cast<void>(
        checked(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate))));
}

void set_name(X509& certificate) {
    static constexpr unsigned char kName[] = "diglett gateway";
    X509_NAME* name = X509_get_subject_name(&certificate);
    checked(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, kName, -1, -1, 0));
    checked(X509_set_issuer_name(&certificate, name));
}

}  // namespace

IdentityKey::IdentityKey(std::shared_ptr<evp_pkey_st> key)
    : key_(std::move(key)), pin_(pin_of(*key_)) {}

IdentityKey IdentityKey::generate() {
    return IdentityKey(std::shared_ptr<EVP_PKEY>(checked(EVP_EC_gen("P-256")), EVP_PKEY_free));
}

Result<IdentityKey> IdentityKey::from_pem(std::string_view pem) {
    ERR_clear_error();
    const BioPtr bio = reading_bio(pem);
    PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
    if (!key) {
        return fail_openssl(Errc::InvalidConfig, "no unencrypted private key in PEM");
    }
    if (!is_p256(*key)) {
        return fail(Errc::InvalidConfig, "the identity key must be an elliptic curve key on P-256");
    }
    // One form of the point whatever the file says, so that one key has one pin.
    checked(EVP_PKEY_set_utf8_string_param(key.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                           OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED));
    return IdentityKey(std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free));
}

std::string IdentityKey::to_pem() const {
    const BioPtr bio(checked(BIO_new(BIO_s_secmem())));
    checked(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                          nullptr));
    return written_text(*bio);
}

std::string IdentityKey::self_signed_certificate() const {
    const X509Ptr certificate(checked(X509_new()));
    checked(X509_set_version(certificate.get(), X509_VERSION_3));
    set_serial(*certificate);
    set_name(*certificate);
    checked(ASN1_TIME_set_string(X509_getm_notBefore(certificate.get()), kNotBefore));
    checked(ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), kNotAfter));
    checked(X509_set_pubkey(certificate.get(), key_.get()));
    add_extension(*certificate, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(*certificate, NID_key_usage, "critical,digitalSignature");
    add_extension(*certificate, NID_ext_key_usage, "serverAuth");
    const int signature_bytes = X509_sign(certificate.get(), key_.get(), EVP_sha256());
    checked(signature_bytes > 0 ? 1 : 0);
    const BioPtr bio(checked(BIO_new(BIO_s_mem())));
    checked(PEM_write_bio_X509(bio.get(), certificate.get()));
    return written_text(*bio);
}

}  // namespace diglett::crypto
