#include "crypto/encoding.hpp"

#include <array>
#include <span>
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

TEST(Base64Url, MatchesRfc4648AndRfc7515) {
    const ByteVector bytes{std::byte{0xfb}, std::byte{0xff}, std::byte{0x01}};
    EXPECT_EQ(to_base64url(bytes), "-_8B");
    EXPECT_EQ(from_base64url("-_8B"), bytes);
    EXPECT_EQ(to_base64url(ByteView(bytes).first(1)), "-w");
    EXPECT_EQ(to_base64url({}), "");
    EXPECT_EQ(from_base64url({}), ByteVector{});
    for (const char* bad : {"-w==", "-w=", "-x", "+/8B", "-", "-_8B-", "-_8 B", "-_8B\n"}) {
        EXPECT_FALSE(from_base64url(bad)) << bad;
    }
}

TEST(Base64Url, TakesItsAlphabetAndNoOtherByte) {
    constexpr std::string_view kCommon =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (int value = 0; value < 256; ++value) {
        const auto c = static_cast<char>(value);
        const bool is_common = kCommon.find(c) != std::string_view::npos;
        const std::string text{'A', c, 'A', 'A'};
        EXPECT_EQ(from_base64(text).has_value(), is_common || c == '+' || c == '/') << value;
        EXPECT_EQ(from_base64url(text).has_value(), is_common || c == '-' || c == '_') << value;
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

TEST(Random, FillsEveryByteOfASpanAndNoneBesideIt) {
    std::array<std::byte, 34> bytes{};
    fill_random(std::span(bytes).subspan(1, 0));
    fill_random({});
    EXPECT_EQ(bytes, (std::array<std::byte, 34>{}));
    std::array<bool, 34> filled{};
    for (int round = 0; round < 16; ++round) {  // a byte stays 0 in all of them once in 2^128
        fill_random(std::span(bytes).subspan(1, 32));
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            filled[i] = filled[i] || bytes[i] != std::byte{0};
        }
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_EQ(filled[i], i >= 1 && i <= 32) << i;
    }
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
