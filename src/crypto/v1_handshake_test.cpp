#include "crypto/v1_handshake.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "crypto/sha256.hpp"
#include "crypto/v1_cipher.hpp"
#include "test/support/v1_vectors.hpp"

namespace diglett::crypto {
namespace {

using test::hex_at;
using test::load_v1_vectors;
using test::number_at;
using test::text_at;
using test::to_array;

V1KeyPair pair_at(const boost::json::value& keys, std::string_view side) {
    const auto number = to_array<32>(hex_at(keys, std::string(side) + "_private"));
    return V1KeyPair::from_private(number).value();
}

V1Secret secret_at(const boost::json::value& keys) {
    return {to_array<32>(hex_at(keys, "key")), to_array<16>(hex_at(keys, "iv"))};
}

ByteVector key_stream(const V1Secret& secret, std::size_t size, std::size_t piece) {
    ByteVector bytes(size);
    V1Cipher cipher(secret);
    for (std::size_t at = 0; at < size; at += std::min(piece, size - at)) {
        const MutableBytes now = MutableBytes(bytes).subspan(at, std::min(piece, size - at));
        cipher.apply(now, now);
    }
    return bytes;
}

TEST(V1Handshake, DerivesWhatTheOriginalDerives) {
    const boost::json::value all = load_v1_vectors("keys.json");
    ASSERT_EQ(all.at("sessions").as_array().size(), 10U);
    for (const boost::json::value& keys : all.at("sessions").as_array()) {
        SCOPED_TRACE(text_at(keys, "name"));
        const V1KeyPair agent = pair_at(keys, "agent");
        const V1KeyPair gateway = pair_at(keys, "gateway");
        EXPECT_TRUE(std::ranges::equal(agent.handshake(), hex_at(keys, "agent_handshake")));
        EXPECT_TRUE(std::ranges::equal(gateway.handshake(), hex_at(keys, "gateway_handshake")));
        const auto at_agent = agent.agree(gateway.handshake());
        const auto at_gateway = gateway.agree(agent.handshake());
        ASSERT_TRUE(at_agent && at_gateway);
        EXPECT_EQ(at_agent->key, secret_at(keys).key);
        EXPECT_EQ(at_agent->iv, secret_at(keys).iv);
        EXPECT_EQ(at_gateway->key, at_agent->key);
        EXPECT_EQ(at_gateway->iv, at_agent->iv);
    }
}

TEST(V1Handshake, RefusesKeysThatAreNoPoint) {
    const boost::json::value all = load_v1_vectors("keys.json");
    for (const char* name : {"x_without_a_point", "x_over_field"}) {
        V1Handshake handshake = V1KeyPair::generate().handshake();
        std::ranges::copy(hex_at(all.at("bad_points"), name), handshake.begin() + 5);
        const auto secret = V1KeyPair::generate().agree(handshake);
        ASSERT_FALSE(secret) << name;
        EXPECT_EQ(secret.error().code, Errc::ProtocolViolation);
    }
    for (const unsigned form : {0U, 1U, 4U, 5U, 6U, 7U, 0x82U}) {
        V1Handshake handshake = V1KeyPair::generate().handshake();
        handshake[5] = static_cast<std::byte>(form);
        EXPECT_FALSE(V1KeyPair::generate().agree(handshake)) << form;
    }
}

TEST(V1Handshake, RefusesTheFirstWrongByteOfThePrefix) {
    const V1Handshake good = V1KeyPair::generate().handshake();
    for (std::size_t size = 0; size <= good.size(); ++size) {
        EXPECT_TRUE(check_v1_prefix(ByteView(good).first(size))) << size;
    }
    for (std::size_t at = 0; at < 5; ++at) {
        V1Handshake bad = good;
        bad[at] ^= std::byte{3};
        EXPECT_TRUE(check_v1_prefix(ByteView(bad).first(at)));
        const Status refused = check_v1_prefix(ByteView(bad).first(at + 1));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code,
                  at < 4 ? Errc::ProtocolViolation : Errc::UnsupportedVersion);
        EXPECT_FALSE(V1KeyPair::generate().agree(bad));
    }
}

TEST(V1Handshake, RefusesPrivateNumbersOutsideTheGroup) {
    std::array<std::byte, 32> number{};
    EXPECT_FALSE(V1KeyPair::from_private(number));
    number.fill(std::byte{0xff});
    EXPECT_FALSE(V1KeyPair::from_private(number));
}

TEST(V1Handshake, MakesAnotherKeyEachTime) {
    EXPECT_NE(V1KeyPair::generate().handshake(), V1KeyPair::generate().handshake());
}

TEST(V1Cipher, MatchesTheKeyStreamOfEverySession) {
    const boost::json::value all = load_v1_vectors("keys.json");
    for (const boost::json::value& keys : all.at("sessions").as_array()) {
        SCOPED_TRACE(text_at(keys, "name"));
        const ByteVector stream = key_stream(secret_at(keys), 1'048'576, SIZE_MAX);
        const ByteVector start = hex_at(keys, "keystream_256");
        EXPECT_TRUE(std::ranges::equal(ByteView(stream).first(start.size()), start));
        EXPECT_EQ(to_hex(sha256(ByteView(stream).first(65'542))),
                  text_at(keys, "keystream_sha256_65542"));
        EXPECT_EQ(to_hex(sha256(stream)), text_at(keys, "keystream_sha256_1048576"));
    }
}

TEST(V1Cipher, CarriesTheBlockCounterBeyond32BitsInPiecesOfEverySize) {
    const boost::json::value overflow = load_v1_vectors("keys.json").at("counter_overflow");
    const boost::json::value keys = test::v1_keys(text_at(overflow, "keys"));
    const std::size_t at = number_at(overflow, "overflow_at_byte");
    const ByteVector before = hex_at(overflow, "keystream_128_before");
    const ByteVector after = hex_at(overflow, "keystream_256_after");
    for (const std::size_t piece : {1U, 63U, 64U, 65U, 1000U, 65'535U, 1'000'000U}) {
        const ByteVector stream = key_stream(secret_at(keys), at + after.size(), piece);
        const ByteView around = ByteView(stream).subspan(at - before.size());
        EXPECT_TRUE(std::ranges::equal(around.first(before.size()), before)) << piece;
        EXPECT_TRUE(std::ranges::equal(around.subspan(before.size()), after)) << piece;
    }
}

}  // namespace
}  // namespace diglett::crypto
