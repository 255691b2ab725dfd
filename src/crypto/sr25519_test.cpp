#include "crypto/sr25519.hpp"

#include <gtest/gtest.h>

#include "test/support/json_vectors.hpp"

namespace diglett::crypto {
namespace {

using test::bytes_at;
using test::hex_at;
using test::load_vectors;
using test::text_at;

boost::json::value vectors() {
    return load_vectors("grid/sr25519.json");
}

bool verdict(const boost::json::value& vector) {
    return verify_sr25519(bytes_at<32>(vector, "public"), hex_at(vector, "message"),
                          hex_at(vector, "signature"));
}

std::string challenge_of(const boost::json::value& vector) {
    auto transcript = sr25519_transcript(bytes_at<32>(vector, "public"), hex_at(vector, "message"));
    const auto signature = bytes_at<64>(vector, "signature");
    return to_hex(sr25519_challenge(transcript, std::span(signature).first<32>()));
}

TEST(Sr25519, VerifiesWhatOthersSignedAndNothingElse) {
    const auto all = vectors();
    std::size_t valid = 0;
    std::size_t invalid = 0;
    for (const auto& vector : test::array_at(all, "vectors")) {
        SCOPED_TRACE(text_at(vector, "name"));
        const bool expected = vector.at("valid").as_bool();
        EXPECT_EQ(verdict(vector), expected);
        if (expected) {
            EXPECT_EQ(challenge_of(vector), text_at(vector.at("intermediates"), "challenge_wide"));
        }
        ++(expected ? valid : invalid);
    }
    EXPECT_EQ(valid, 18U);
    EXPECT_EQ(invalid, 14U);  // with the forgery for the all-zero key
}

TEST(Sr25519, TranscriptHasTheRecordedStates) {
    const auto all = vectors();
    const auto& trace = all.at("transcript_trace");
    const auto& states = test::array_at(trace, "strobe_states");
    ASSERT_EQ(states.size(), 8U);
    const auto& vector = test::array_at(all, "vectors")[1];
    ASSERT_EQ(text_at(vector, "name"), text_at(trace, "of"));
    std::size_t compared = 0;
    const auto compare = [&](std::string_view after, const Strobe128& strobe) {
        SCOPED_TRACE(after);
        const auto& known = states.at(compared++);
        EXPECT_EQ(text_at(known, "after"), after);
        EXPECT_EQ(to_hex(strobe.state()), text_at(known, "state"));
        EXPECT_EQ(strobe.position(), test::number_at(known, "pos"));
        EXPECT_EQ(strobe.begin(), test::number_at(known, "pos_begin"));
    };

    const auto signature = bytes_at<64>(vector, "signature");
    std::array<std::byte, 64> challenge{};
    compare("strobe_init_merlin", Strobe128("Merlin v1.0"));
    MerlinTranscript t("SigningContext");
    compare("dom-sep", t.strobe());
    t.append("", text_at(all, "signing_context"));
    compare("context", t.strobe());
    t.append("sign-bytes", hex_at(vector, "message"));
    compare("sign-bytes", t.strobe());
    t.append("proto-name", "Schnorr-sig");
    compare("proto-name", t.strobe());
    t.append("sign:pk", hex_at(vector, "public"));
    compare("sign:pk", t.strobe());
    t.append("sign:R", ByteView(signature).first(32));
    compare("sign:R", t.strobe());
    t.challenge("sign:c", challenge);
    compare("sign:c", t.strobe());
    EXPECT_EQ(compared, states.size());
}

// With 119 bytes the header of the challenge ends just where a block does, and nothing is left to
// run. Signed by //Alice with @scure/sr25519 2.3.0, with which all lengths from 0 to 339 were
// tried.
TEST(Sr25519, VerifiesWhereABlockEndsBeforeTheChallenge) {
    const auto signature = from_hex(
        "ac5377b9fa3db234883de3c69ec54669189a40867e012340cf56e0b18410f349"
        "9a6764d53b85805808b729113680cac7dfccce2706212b79b3c429b7d3d66f89");
    const auto alice =
        bytes_at<32>(load_vectors("grid/keys.json").at("keys").at("alice_sr"), "public");
    const ByteVector message(119, std::byte{0x5a});
    EXPECT_TRUE(verify_sr25519(alice, message, signature.value()));
}

TEST(Sr25519, SignsWhatItVerifies) {
    const auto secret = bytes_at<32>(load_vectors("grid/keys.json").at("keys").at("alice_sr"),
                                     "seed_after_derivation");
    const Sr25519Key key(secret);
    for (const std::size_t size : {0U, 1U, 165U, 166U, 167U, 300U, 5000U}) {
        SCOPED_TRACE(size);
        ByteVector message(size, std::byte{0x5a});
        const auto signature = key.sign(message);
        EXPECT_TRUE(verify_sr25519(key.public_key(), message, signature));
        EXPECT_NE(signature, key.sign(message));  // a nonce is never used twice
        message.push_back(std::byte{0});
        EXPECT_FALSE(verify_sr25519(key.public_key(), message, signature));
    }
}

TEST(Sr25519, RefusesEverySignatureWithOneBitFlipped) {
    const Sr25519Key key(std::array<std::byte, 32>{std::byte{7}});
    const auto message = as_bytes("a message");
    auto signature = key.sign(message);
    for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
        const auto flip = std::byte{1} << bit % 8;
        signature[bit / 8] ^= flip;
        EXPECT_FALSE(verify_sr25519(key.public_key(), message, signature)) << bit;
        signature[bit / 8] ^= flip;
    }
    EXPECT_TRUE(verify_sr25519(key.public_key(), message, signature));
}

TEST(Sr25519, RefusesAnyOtherLength) {
    const Sr25519Key key(std::array<std::byte, 32>{std::byte{7}});
    const auto signature = key.sign({});
    ByteVector changed(signature.begin(), signature.end());
    changed.push_back(std::byte{0});
    EXPECT_FALSE(verify_sr25519(key.public_key(), {}, changed));
    EXPECT_FALSE(verify_sr25519(key.public_key(), {}, {}));
}

TEST(Sr25519, RefusesTheIdentityAsCommitmentOrScalar) {
    // s = 0 and R = 0: both products would be the identity for a key that is one.
    std::array<std::byte, 64> zeros{};
    zeros.back() = std::byte{0x80};
    EXPECT_FALSE(verify_sr25519({}, as_bytes("a message"), zeros));
    const Sr25519Key key(std::array<std::byte, 32>{std::byte{7}});
    EXPECT_FALSE(verify_sr25519(key.public_key(), as_bytes("a message"), zeros));
}

}  // namespace
}  // namespace diglett::crypto
