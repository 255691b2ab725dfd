#include "crypto/agent_key.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"

namespace diglett::crypto {
namespace {

using Exporter = std::array<std::byte, 32>;

TEST(AgentKey, SurvivesItsText) {
    const AgentKey key = AgentKey::generate();
    const std::string text = key.to_text();
    EXPECT_EQ(text.size(), 8U + 64U);
    for (const std::string& spelling : {text, text + "\n"}) {
        const auto again = AgentKey::parse(spelling);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->public_key(), key.public_key());
        EXPECT_EQ(again->to_text(), text);
    }
    EXPECT_NE(AgentKey::generate().public_key(), key.public_key());
}

TEST(AgentKey, RefusesOtherTexts) {
    const std::string good = AgentKey::generate().to_text();
    for (const std::string& bad : {std::string(), good + "\n\n", good + "0", good.substr(0, 70),
                                   good.substr(8), " " + good, good + "\r\n", "Ed25519:" + good}) {
        const auto key = AgentKey::parse(bad);
        ASSERT_FALSE(key) << bad;
        EXPECT_EQ(key.error().code, Errc::InvalidConfig);
    }
}

// RFC 8032 section 7.1, test 1: the public key of this seed.
TEST(AgentKey, HasThePublicKeyOfRfc8032) {
    const auto key =
        AgentKey::parse("ed25519:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    ASSERT_TRUE(key);
    EXPECT_EQ(to_hex(key->public_key()),
              "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    EXPECT_EQ(fingerprint(key->public_key()), "21fe31dfa154a261626bf854046fd227");
}

TEST(AgentKey, SignatureHoldsForOneConnectionAndOneKey) {
    const AgentKey key = AgentKey::generate();
    const Exporter here = random_bytes<32>();
    const LoginSignature signature = key.sign_login(here);
    EXPECT_TRUE(verify_login(key.public_key(), here, signature));
    EXPECT_FALSE(verify_login(key.public_key(), random_bytes<32>(), signature));
    EXPECT_FALSE(verify_login(AgentKey::generate().public_key(), here, signature));
    for (std::size_t at = 0; at < signature.size(); ++at) {
        LoginSignature changed = signature;
        changed[at] ^= std::byte{1};
        EXPECT_FALSE(verify_login(key.public_key(), here, changed)) << at;
    }
}

TEST(AgentKey, VerifyRefusesKeysOfSmallOrder) {
    // With the neutral point as key, the neutral point and zero would "sign" every message.
    AgentPublicKey neutral{};
    neutral[0] = std::byte{1};
    LoginSignature signature{};
    signature[0] = std::byte{1};
    EXPECT_FALSE(verify_login(neutral, random_bytes<32>(), signature));
    EXPECT_FALSE(verify_login(AgentPublicKey{}, random_bytes<32>(), LoginSignature{}));
}

}  // namespace
}  // namespace diglett::crypto
