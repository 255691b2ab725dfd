#include "crypto/merlin.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "crypto/keccak.hpp"
#include "crypto/strobe128.hpp"
#include "test/support/json_vectors.hpp"

namespace diglett::crypto {
namespace {

using test::hex_at;
using test::load_vectors;
using test::number_at;
using test::text_at;

boost::json::value vectors() {
    return load_vectors("grid/keccak_strobe_merlin.json");
}

std::string hex_of(const KeccakState& state) {
    std::string hex;
    for (std::uint64_t lane : state) {
        for (int i = 0; i < 8; ++i, lane >>= 8U) {
            hex += to_hex(std::array{static_cast<std::byte>(lane & 0xffU)});
        }
    }
    return hex;
}

TEST(Keccak, GivesTheKnownAnswersOnZeros) {
    const auto known = vectors().at("keccak_f1600");
    KeccakState state{};
    keccak_f1600(state);
    EXPECT_EQ(hex_of(state), text_at(known, "after_1"));
    keccak_f1600(state);
    EXPECT_EQ(hex_of(state), text_at(known, "after_2"));
}

TEST(Strobe128, PassesTheConformanceRun) {
    const auto known = vectors().at("strobe128");
    Strobe128 strobe(text_at(known, "protocol"));
    EXPECT_EQ(to_hex(strobe.state()), text_at(known, "state_after_init"));
    EXPECT_EQ(strobe.position(), number_at(known, "pos"));
    EXPECT_EQ(strobe.begin(), number_at(known, "pos_begin"));

    std::array<std::byte, 32> out{};
    strobe.meta_ad(as_bytes("ms"));
    strobe.meta_ad(as_bytes("g"), Strobe128::More::Yes);
    strobe.ad(ByteVector(1024, std::byte{0x63}));
    strobe.meta_ad(as_bytes("prf"));
    strobe.prf(out);
    EXPECT_EQ(to_hex(out), text_at(known, "prf1"));
    strobe.meta_ad(as_bytes("key"));
    strobe.key(out);
    strobe.meta_ad(as_bytes("prf"));
    strobe.prf(out);
    EXPECT_EQ(to_hex(out), text_at(known, "prf2"));
    EXPECT_EQ(test::array_at(known, "steps").size(), 9U);
}

TEST(MerlinTranscript, GivesTheKnownChallenges) {
    const auto all = vectors();
    const auto& known = test::array_at(all, "merlin");
    ASSERT_EQ(known.size(), 2U);

    MerlinTranscript simple(text_at(known[0], "transcript"));
    std::array<std::byte, 32> out{};
    simple.append("some label", "some data");
    simple.challenge("challenge", out);
    EXPECT_EQ(to_hex(out), text_at(known[0], "challenge"));

    MerlinTranscript complex(text_at(known[1], "transcript"));
    complex.append("step1", "some data");
    for (int i = 0; i < 32; ++i) {
        complex.challenge("challenge", out);
        complex.append("bigdata", ByteVector(1024, std::byte{0x63}));
        complex.append("challengedata", out);
    }
    EXPECT_EQ(to_hex(out), text_at(known[1], "final_challenge"));
}

TEST(MerlinTranscript, CopyGoesOnFromTheSamePoint) {
    MerlinTranscript one("test protocol");
    one.append("some label", "some data");
    MerlinTranscript other = one;
    std::array<std::byte, 32> from_one{};
    std::array<std::byte, 32> from_other{};
    one.challenge("challenge", from_one);
    other.challenge("challenge", from_other);
    EXPECT_EQ(from_one, from_other);
    one.challenge("challenge", from_one);
    EXPECT_NE(from_one, from_other);
}

}  // namespace
}  // namespace diglett::crypto
