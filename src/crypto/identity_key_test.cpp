#include "crypto/identity_key.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "crypto/openssl.hpp"

namespace diglett::crypto {
namespace {

std::string pem_of(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    const unsigned char phrase[] = "phrase";
    PEM_write_bio_PrivateKey(bio.get(), key, cipher, cipher ? phrase : nullptr,
                             cipher ? sizeof phrase : 0, nullptr, nullptr);
    return written_text(*bio);
}

TEST(IdentityKey, SurvivesItsPem) {
    const IdentityKey key = IdentityKey::generate();
    const std::string pem = key.to_pem();
    EXPECT_TRUE(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const auto again = IdentityKey::from_pem(pem);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->pin(), key.pin());
    EXPECT_EQ(again->to_pem(), pem);
    EXPECT_NE(IdentityKey::generate().pin(), key.pin());
}

TEST(IdentityKey, HasThePinOfItsCertificate) {
    const IdentityKey key = IdentityKey::generate();
    const std::string pem = key.self_signed_certificate();
    const X509Ptr certificate = read_certificate(*reading_bio(pem));
    ASSERT_TRUE(certificate);
    EXPECT_EQ(pin_of(*certificate), key.pin());
    EXPECT_EQ(X509_verify(certificate.get(), key.native()), 1);
    EXPECT_NE(key.self_signed_certificate(), pem) << "the serial number repeats";
}

TEST(IdentityKey, ReadsSec1AndCompressedPointsToTheSamePin) {
    const PkeyPtr key(EVP_EC_gen("P-256"));
    const auto plain = IdentityKey::from_pem(pem_of(key.get()));
    EVP_PKEY_set_utf8_string_param(key.get(), "point-format", "compressed");
    const auto compressed = IdentityKey::from_pem(pem_of(key.get()));
    ASSERT_TRUE(plain && compressed);
    EXPECT_EQ(plain->pin(), compressed->pin());
    const BioPtr bio(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_PrivateKey_traditional(bio.get(), key.get(), nullptr, nullptr, 0,
                                                   nullptr, nullptr),
              1);
    const auto sec1 = IdentityKey::from_pem(written_text(*bio));
    ASSERT_TRUE(sec1);
    EXPECT_EQ(sec1->pin(), plain->pin());
}

TEST(IdentityKey, RefusesOtherKeysAndOtherTexts) {
    const PkeyPtr p384(EVP_EC_gen("P-384"));
    const PkeyPtr ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const PkeyPtr p256(EVP_EC_gen("P-256"));
    const std::string good = pem_of(p256.get());
    const std::string cases[] = {
        "",
        "garbage",
        pem_of(p384.get()),
        pem_of(ed25519.get()),
        pem_of(p256.get(), EVP_aes_128_cbc()),
        good.substr(0, good.size() / 2),
        IdentityKey::generate().self_signed_certificate(),
    };
    for (const std::string& text : cases) {
        const auto key = IdentityKey::from_pem(text);
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::InvalidConfig);
    }
}

TEST(Pin, RoundTripsAndRefusesOtherSpellings) {
    const Pin pin = IdentityKey::generate().pin();
    const std::string text = pin.to_text();
    EXPECT_EQ(text.size(), 51U);
    EXPECT_EQ(Pin::parse(text), pin);
    for (const std::string& bad : {std::string(), std::string("sha256/"), text.substr(0, 50),
                                   text + "=", " " + text, text.substr(7), "sha1/" + text.substr(7),
                                   "SHA256/" + text.substr(7), std::string("sha256/AAAA")}) {
        EXPECT_FALSE(Pin::parse(bad)) << bad;
    }
}

}  // namespace
}  // namespace diglett::crypto
