#include "crypto/encoding.hpp"

#include <string>

#include <gtest/gtest.h>

#include "crypto/constant_time.hpp"
#include "crypto/random.hpp"
#include "crypto/sha256.hpp"

namespace diglett::crypto {
namespace {

TEST(Hex, RoundTripsEveryByte) {
    ByteVector all;
    for (unsigned value = 0; value < 256; ++value) {
        all.push_back(static_cast<std::byte>(value));
    }
    EXPECT_EQ(from_hex(to_hex(all)), all);
    EXPECT_EQ(to_hex({}), "");
    EXPECT_EQ(from_hex(""), ByteVector{});
    EXPECT_EQ(from_hex({}), ByteVector{});
    EXPECT_EQ(from_base64({}), ByteVector{});
    EXPECT_EQ(from_hex("00fF"), (ByteVector{std::byte{0}, std::byte{255}}));
}

TEST(Hex, RefusesWhatIsNotHex) {
    for (const char* bad : {"0", "000", "0g", "g0", "00 ", "0x00", "00:00", " 00", "00\n"}) {
        EXPECT_FALSE(from_hex(bad)) << bad;
    }
}

// RFC 4648, section 10.
TEST(Base64, MatchesRfc4648) {
    const std::pair<const char*, const char*> cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [plain, coded] : cases) {
        EXPECT_EQ(to_base64(as_bytes(plain)), coded);
        const auto decoded = from_base64(coded);
        ASSERT_TRUE(decoded) << coded;
        EXPECT_EQ(as_text(*decoded), plain);
    }
}

TEST(Base64, RefusesWhatIsNotCanonical) {
    for (const char* bad :
         {"Z", "Zg", "Zg=", "Zh==", "Zm9v====", "Zm 9v", "Zm9v\n", "-_==", "===="}) {
        EXPECT_FALSE(from_base64(bad)) << bad;
    }
}

TEST(ConstantTime, ComparesContentAndLength) {
    EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
    EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
    EXPECT_FALSE(equal_in_constant_time("secret", "secret2"));
    EXPECT_TRUE(equal_in_constant_time("", ""));
    EXPECT_TRUE(equal_in_constant_time(ByteView{}, ByteView{}));
}

TEST(ConstantTime, WipeLeavesZeros) {
    std::string secret = "token";
    wipe(std::as_writable_bytes(std::span(secret)));
    EXPECT_EQ(secret, std::string(5, '\0'));
}

TEST(Random, TakesNothing) {
    fill_random({});
}

TEST(Random, DoesNotRepeat) {
    EXPECT_NE((random_bytes<16>()), (random_bytes<16>()));
}

// FIPS 180-4's example "abc".
TEST(Sha256, MatchesFips) {
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace diglett::crypto
