#include "crypto/signing_key.hpp"

#include <string>

#include <gtest/gtest.h>

#include "crypto/bip39.hpp"
#include "crypto/sha256.hpp"
#include "test/support/json_vectors.hpp"

namespace diglett::crypto {
namespace {

using test::bytes_at;
using test::hex_at;
using test::load_vectors;
using test::text_at;

constexpr std::string_view kPhrase =
    "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

KeyType type_at(const boost::json::value& key) {
    return text_at(key, "type") == "sr25519" ? KeyType::Sr25519 : KeyType::Ed25519;
}

std::string hex_of(const MiniSecret& secret) {
    return to_hex(secret.expose_secret());
}

void check_parts(const boost::json::value& known, const MiniSecret& secret) {
    const Sr25519Key key(secret.expose_secret());
    EXPECT_EQ(to_hex(key.expose_scalar()), text_at(known, "secret_scalar"));
    EXPECT_EQ(to_hex(key.expose_nonce()), text_at(known, "secret_nonce"));
}

void check_junctions(const boost::json::value& known, MiniSecret& secret) {
    const auto path = text_at(known, "path");
    if (path.empty()) {
        return;
    }
    const auto& junctions = test::array_at(known, "junctions");
    ASSERT_EQ(junctions.size(), 1U);
    EXPECT_TRUE(junctions[0].at("hard").as_bool());
    const auto code = chain_code(path.substr(2));
    EXPECT_EQ(to_hex(code), text_at(junctions[0], "chain_code"));
    secret = derive_hard(type_at(known), secret, code);
}

TEST(SigningKey, IsTheOneThatOthersDerive) {
    const auto all = load_vectors("grid/keys.json");
    std::size_t checked = 0;
    for (const auto& [name, known] : all.at("keys").as_object()) {
        SCOPED_TRACE(std::string(name));
        const auto phrase = text_at(known, "phrase");
        EXPECT_EQ(to_hex(bip39_entropy(phrase).value()), text_at(known, "entropy"));
        auto secret = MiniSecret::parse(phrase).value();
        EXPECT_EQ(hex_of(secret), text_at(known, "mini_secret_of_phrase"));
        EXPECT_NE(hex_of(secret), text_at(known, "bip39_standard_seed_DO_NOT_USE"));
        check_junctions(known, secret);
        EXPECT_EQ(hex_of(secret), text_at(known, "seed_after_derivation"));
        if (type_at(known) == KeyType::Sr25519) {
            check_parts(known, secret);
        }
        const auto key = SigningKey::parse(type_at(known), text_at(known, "suri")).value();
        EXPECT_EQ(to_hex(key.public_key()), text_at(known, "public"));
        EXPECT_EQ(key.type(), type_at(known));
        ++checked;
    }
    EXPECT_EQ(checked, 8U);
}

TEST(SigningKey, SeedAndPhraseGiveTheSameKey) {
    for (const auto type : {KeyType::Sr25519, KeyType::Ed25519}) {
        const auto phrase = SigningKey::parse(type, std::string(kPhrase) + "//Alice").value();
        const auto seed =
            "0x" + std::string(text_at(load_vectors("grid/keys.json").at("keys").at("dev_root_sr"),
                                       "mini_secret_of_phrase"));
        EXPECT_EQ(SigningKey::parse(type, seed + "//Alice").value().public_key(),
                  phrase.public_key());
        EXPECT_NE(SigningKey::parse(type, seed).value().public_key(), phrase.public_key());
    }
}

TEST(SigningKey, SignsWhatVerifies) {
    for (const auto type : {KeyType::Sr25519, KeyType::Ed25519}) {
        const auto other = type == KeyType::Sr25519 ? KeyType::Ed25519 : KeyType::Sr25519;
        const auto key = SigningKey::parse(type, kPhrase).value();
        const auto signature = key.sign(as_bytes("a message"));
        EXPECT_TRUE(verify(type, key.public_key(), as_bytes("a message"), signature));
        EXPECT_FALSE(verify(type, key.public_key(), as_bytes("a messag3"), signature));
        EXPECT_FALSE(verify(other, key.public_key(), as_bytes("a message"), signature));
        EXPECT_FALSE(verify(type, PublicKey{}, as_bytes("a message"), signature));
    }
}

TEST(SigningKey, RefusesOtherSecretsWithoutShowingThem) {
    const std::string zeros(64, '0');
    const std::string phrase(kPhrase);
    for (const std::string& text : {std::string(),
                                    std::string("0x"),
                                    zeros,
                                    "0x" + zeros + "0",
                                    "0x" + zeros.substr(1),
                                    "0X" + zeros,
                                    "0x" + zeros.substr(1) + "g",
                                    phrase + " ",
                                    " " + phrase,
                                    phrase + "\n",
                                    phrase.substr(0, phrase.rfind(' ')),
                                    phrase + " walk",
                                    phrase + "/Alice",
                                    phrase + "//Alice/x",
                                    phrase + "///secret",
                                    phrase + "//Alice///secret",
                                    phrase + "//",
                                    "Bottom" + phrase.substr(6),
                                    "walk" + phrase.substr(6),
                                    "bottum" + phrase.substr(6)}) {
        const auto key = SigningKey::parse(KeyType::Sr25519, text);
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::InvalidConfig);
        for (const std::string word : {"bottum", "walk", "000", "///secret", "Alice"}) {
            EXPECT_EQ(key.error().text.find(word), std::string::npos) << key.error().text;
        }
    }
}

TEST(ChainCode, IsANumberOrATextOrItsDigest) {
    EXPECT_TRUE(to_hex(chain_code("Alice")).starts_with("14416c69636500"));
    EXPECT_TRUE(to_hex(chain_code("258")).starts_with("020100000000000000"));
    // 31 bytes and their length just fit; 32 do not.
    EXPECT_EQ(to_hex(chain_code(std::string(31, 'a'))),
              "7c" + to_hex(as_bytes(std::string(31, 'a'))));
    EXPECT_FALSE(to_hex(chain_code(std::string(32, 'a'))).starts_with("80"));
    // One more than fits into 64 bits is a text: "P" is its length, 20, in compact form.
    EXPECT_TRUE(to_hex(chain_code("18446744073709551616")).starts_with("50313834"));
}

TEST(Ed25519, VerifiesAndSignsAsOthersDo) {
    const auto all = load_vectors("grid/ed25519.json");
    const auto keys = load_vectors("grid/keys.json");
    std::size_t valid = 0;
    std::size_t invalid = 0;
    for (const auto& vector : test::array_at(all, "vectors")) {
        const auto name = text_at(vector, "name");
        SCOPED_TRACE(name);
        const auto message = hex_at(vector, "message");
        const auto signature = hex_at(vector, "signature");
        const bool expected = vector.at("valid").as_bool();
        EXPECT_EQ(verify_ed25519(bytes_at<32>(vector, "public"), message, signature), expected);
        if (expected) {
            const auto& signer = keys.at("keys").at(name.substr(0, name.find('/')));
            const Ed25519Key key(bytes_at<32>(signer, "seed_after_derivation"));
            EXPECT_EQ(to_hex(key.sign(message)), to_hex(signature));
        }
        ++(expected ? valid : invalid);
    }
    EXPECT_EQ(valid, 18U);
    EXPECT_EQ(invalid, 5U);
}

TEST(Bip39, HasTheWordListAsPublished) {
    EXPECT_EQ(to_hex(sha256(as_bytes(bip39_english()))),
              "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
}

// From the test vectors that BIP-39 names (trezor/python-mnemonic, vectors.json): the lengths that
// grid/keys.json lacks.
TEST(Bip39, ReadsPhrasesOfEveryLength) {
    const auto entropy = [](std::string_view phrase) {
        return to_hex(bip39_entropy(phrase).value());
    };
    const auto repeat = [](std::string_view word, int times, std::string_view last) {
        std::string phrase;
        for (int i = 0; i < times; ++i) {
            phrase += std::string(word) + " ";
        }
        return phrase + std::string(last);
    };
    EXPECT_EQ(entropy(repeat("abandon", 11, "about")), std::string(32, '0'));
    EXPECT_EQ(entropy(repeat("zoo", 11, "wrong")), std::string(32, 'f'));
    EXPECT_EQ(entropy(repeat("abandon", 14, "address")), std::string(40, '0'));
    EXPECT_EQ(entropy(repeat("abandon", 17, "agent")), std::string(48, '0'));
    EXPECT_EQ(entropy(repeat("abandon", 20, "admit")), std::string(56, '0'));
    EXPECT_EQ(entropy(repeat("abandon", 23, "art")), std::string(64, '0'));
    EXPECT_EQ(entropy(repeat("zoo", 23, "vote")), std::string(64, 'f'));
    EXPECT_FALSE(bip39_entropy(repeat("abandon", 12, "about")));
    EXPECT_FALSE(bip39_entropy(repeat("abandon", 23, "about")));
    EXPECT_FALSE(bip39_entropy(repeat("abandon", 26, "about")));
}

}  // namespace
}  // namespace diglett::crypto
