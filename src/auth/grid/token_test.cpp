#include "auth/grid/token.hpp"

#include <map>
#include <set>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/grid_chain.hpp"

namespace diglett::auth::grid {
namespace {

using std::chrono::seconds;
using test::grid_rules;
using test::grid_token;
using test::kGridNow;
using test::text_at;

/// The error that each of jwt.json's tokens gets; those that are missing here are right in
/// themselves.
const std::map<std::string_view, TokenError> kErrors{
    {"diglett/alice_sr/long_input_over_256_raw", TokenError::OtherAudience},
    {"diglett/alice_sr/other_audience", TokenError::OtherAudience},
    {"diglett/alice_sr/expired", TokenError::Expired},
    {"diglett/alice_sr/issued_in_future", TokenError::FromTheFuture},
    {"diglett/alice_sr/lifetime_10_years", TokenError::LifetimeTooLong},
    {"rmb/alice_sr/rust_style", TokenError::WrongType},
    {"rmb/alice_ed/go_style", TokenError::WrongType},
    {"rmb/alice_sr/ts_style", TokenError::WrongType},
    {"reject/multisignature_prefix_01", TokenError::BadSignatureForm},
    {"reject/no_prefix", TokenError::BadSignatureForm},
    {"reject/blake2_prehash_long", TokenError::OtherAudience},
    {"reject/padded_base64", TokenError::NotBase64Url},
    {"reject/nonzero_trailing_bits", TokenError::NotBase64Url},
    {"reject/standard_alphabet", TokenError::NotBase64Url},
    {"reject/whitespace", TokenError::NotBase64Url},
    {"reject/two_parts", TokenError::NotThreeParts},
    {"reject/four_parts", TokenError::NotThreeParts},
    {"reject/empty_signature", TokenError::NotThreeParts},
    {"reject/header_alg_none", TokenError::WrongAlgorithm},
    {"reject/header_alg_hs512", TokenError::WrongAlgorithm},
    {"reject/header_alg_eddsa", TokenError::WrongAlgorithm},
    {"reject/header_alg_missing", TokenError::WrongAlgorithm},
    {"reject/header_alg_lowercase", TokenError::WrongAlgorithm},
    {"reject/header_typ_plain_jwt", TokenError::WrongType},
    {"reject/header_typ_missing", TokenError::WrongType},
    {"reject/header_crit_header", TokenError::CriticalHeader},
    {"reject/claims_sub_string", TokenError::BadTwin},
    {"reject/claims_sub_float", TokenError::BadTwin},
    {"reject/claims_sub_negative", TokenError::BadTwin},
    {"reject/claims_sub_too_big", TokenError::BadTwin},
    {"reject/claims_sub_zero", TokenError::BadTwin},
    {"reject/claims_sub_missing", TokenError::BadTwin},
    {"reject/claims_name_missing", TokenError::BadName},
    {"reject/claims_name_upper", TokenError::BadName},
    {"reject/claims_name_dot", TokenError::BadName},
    {"reject/claims_name_empty", TokenError::BadName},
    {"reject/claims_name_short", TokenError::BadName},
    {"reject/claims_name_65", TokenError::BadName},
    {"reject/claims_name_backtick", TokenError::BadName},
    {"reject/claims_name_template", TokenError::BadName},
    {"reject/claims_name_nul", TokenError::BadName},
    {"reject/claims_aud_missing", TokenError::BadAudience},
    {"reject/claims_exp_missing", TokenError::BadTimes},
    {"reject/claims_iat_missing", TokenError::BadTimes},
    {"reject/claims_exp_before_iat", TokenError::BadTimes},
    {"reject/claims_exp_string", TokenError::BadTimes},
    {"reject/claims_exp_huge", TokenError::BadTimes},
    {"reject/claims_duplicate_name", TokenError::BadClaims},
    {"reject/claims_not_json", TokenError::BadClaims},
    {"reject/claims_not_object", TokenError::BadClaims},
    {"reject/claims_trailing_garbage", TokenError::BadClaims},
};

/// Right in themselves, but not signed by the key beside them.
const std::set<std::string_view> kWrongSignatures{"reject/prefix_e_on_sr_signature",
                                                  "reject/prefix_s_on_ed_signature",
                                                  "reject/marker_cleared",
                                                  "reject/flipped_bit",
                                                  "reject/bytes_wrapped",
                                                  "reject/other_context",
                                                  "reject/tampered_claims"};

/// An array of names is ours.
constexpr std::string_view kAcceptedAnyway = "reject/claims_name_array";

void check_content(const boost::json::value& vector, const GridToken& token) {
    const auto claims = boost::json::parse(vector.at("claims").as_string());
    EXPECT_EQ(token.twin, claims.at("sub").to_number<std::uint32_t>());
    const auto& name = claims.at("name");
    EXPECT_THAT(token.names,
                testing::ElementsAre(std::string_view(
                    name.is_array() ? name.as_array().at(0).as_string() : name.as_string())));
    EXPECT_EQ(token.audience, text_at(claims, "aud"));
    EXPECT_EQ(token.issued_at, Seconds(seconds(test::number_at(claims, "iat"))));
    EXPECT_EQ(token.expires_at, Seconds(seconds(test::number_at(claims, "exp"))));
    const auto text = text_at(vector, "token");
    EXPECT_EQ(token.signing_input.expose_secret(), text.substr(0, text.rfind('.')));
    if (vector.as_object().contains("signature_bytes")) {
        const char mark = token.key_type == crypto::KeyType::Ed25519 ? 'e' : 's';
        EXPECT_EQ(crypto::to_hex(as_bytes(std::string(1, mark))) + crypto::to_hex(token.signature),
                  text_at(vector, "signature_bytes"));
        EXPECT_EQ(token.signing_input.expose_secret().size(),
                  test::number_at(vector, "signing_input_length"));
    }
}

TEST(GridToken, AnswersEachVectorWithItsOwnReason) {
    const auto all = test::load_vectors("grid/jwt.json");
    ASSERT_EQ(text_at(all, "audience"), grid_rules().audiences.front());
    ASSERT_EQ(Seconds(seconds(test::number_at(all, "clock"))), kGridNow);
    std::size_t right = 0;
    std::size_t refused = 0;
    std::size_t signed_by_another = 0;
    for (const auto& vector : test::array_at(all, "tokens")) {
        const auto name = text_at(vector, "name");
        SCOPED_TRACE(name);
        const auto token = parse_token(text_at(vector, "token"), grid_rules(), kGridNow);
        if (const auto error = kErrors.find(name); error != kErrors.end()) {
            ASSERT_FALSE(token);
            EXPECT_EQ(token.error(), error->second) << words(token.error());
            ++refused;
            continue;
        }
        ASSERT_TRUE(token) << words(token.error());
        const bool is_signed = is_signed_by(*token, test::bytes_at<32>(vector, "public"));
        EXPECT_EQ(is_signed, vector.at("signature_valid").as_bool());
        EXPECT_EQ(is_signed, !kWrongSignatures.contains(name));
        EXPECT_EQ(vector.as_object().contains("expect"), !is_signed || name == kAcceptedAnyway);
        if (is_signed) {
            check_content(vector, *token);
        }
        ++(is_signed ? right : signed_by_another);
    }
    EXPECT_EQ(right, 37U);
    EXPECT_EQ(refused, kErrors.size());
    EXPECT_EQ(signed_by_another, kWrongSignatures.size());
    EXPECT_EQ(right + refused + signed_by_another, 95U);
}

// What is refused for its claims or header carries a right signature: nothing else stands in the
// way.
TEST(GridToken, RefusalsOfTheVectorsAreNotForTheSignature) {
    const auto all = test::load_vectors("grid/jwt.json");
    std::size_t verified = 0;
    std::size_t without_form = 0;
    for (const auto& vector : test::array_at(all, "tokens")) {
        SCOPED_TRACE(text_at(vector, "name"));
        const auto text = text_at(vector, "token");
        const auto dot = text.rfind('.');
        const auto bytes = crypto::from_base64url(text.substr(dot + 1));
        const bool is_signature =
            bytes && bytes->size() == 65 &&
            (bytes->front() == kSr25519Mark || bytes->front() == kEd25519Mark);
        if (!is_signature) {
            EXPECT_FALSE(vector.at("signature_valid").as_bool());
            ++without_form;
            continue;
        }
        const auto type =
            bytes->front() == kSr25519Mark ? crypto::KeyType::Sr25519 : crypto::KeyType::Ed25519;
        const bool valid = crypto::verify(type, test::bytes_at<32>(vector, "public"),
                                          as_bytes(text.substr(0, dot)),
                                          test::to_array<64>(ByteView(*bytes).subspan(1)));
        EXPECT_EQ(valid, vector.at("signature_valid").as_bool());
        ++verified;
    }
    EXPECT_EQ(verified + without_form, 95U);
    EXPECT_EQ(without_form, 8U);
}

TEST(GridToken, LongInputIsSignedAsItIs) {
    const auto all = test::load_vectors("grid/jwt.json");
    const TokenRules rules{
        .audiences = {"x", "a-very-long-gateway-domain-name.region-01.example-operator.grid.tf"}};
    const auto keys = test::load_vectors("grid/keys.json");
    const auto alice = test::bytes_at<32>(keys.at("keys").at("alice_sr"), "public");
    const auto raw = grid_token("diglett/alice_sr/long_input_over_256_raw");
    const auto hashed = grid_token("reject/blake2_prehash_long");
    EXPECT_TRUE(is_signed_by(parse_token(raw, rules, kGridNow).value(), alice));
    EXPECT_FALSE(is_signed_by(parse_token(hashed, rules, kGridNow).value(), alice));
}

/// A token with these parts and a signature that has the right form.
std::string token_of(std::string_view header, std::string_view claims) {
    ByteVector signature(65, std::byte{1});
    signature.front() = kSr25519Mark;
    return crypto::to_base64url(as_bytes(header)) + "." + crypto::to_base64url(as_bytes(claims)) +
           "." + crypto::to_base64url(signature);
}

constexpr std::string_view kHeader = R"({"alg":"RS512","typ":"diglett+jwt"})";

std::string claims_with(std::string_view name, std::string_view value) {
    std::map<std::string_view, std::string_view> members{{"sub", "1"},
                                                         {"name", R"("example")"},
                                                         {"aud", R"("gent01.dev.grid.tf")"},
                                                         {"iat", "1700000000"},
                                                         {"exp", "1700003600"}};
    members[name] = value;
    std::string claims;
    for (const auto& [member, written] : members) {
        claims += fmt::format("{}\"{}\":{}", claims.empty() ? "{" : ",", member, written);
    }
    return claims + "}";
}

/// The error of a token with one claim replaced; nothing when it is right.
std::optional<TokenError> error_with(std::string_view name, std::string_view value,
                                     Seconds now = kGridNow) {
    const auto token = parse_token(token_of(kHeader, claims_with(name, value)), grid_rules(), now);
    return token ? std::nullopt : std::optional(token.error());
}

TEST(GridToken, TakesAStringOrAnArrayOfNames) {
    EXPECT_EQ(error_with("name", R"(["one","two","xn--bcher-kva"])"), std::nullopt);
    for (const auto* const names : {"[]", R"(["one",2])", R"(["one","TWO"])", R"([["one"]])",
                                    R"({"a":"b"})", "null", "7", R"("ab")", R"(["one",""])"}) {
        EXPECT_EQ(error_with("name", names), TokenError::BadName) << names;
    }
}

TEST(GridToken, TakesIntegersOnly) {
    EXPECT_EQ(error_with("sub", "4294967295"), std::nullopt);
    for (const auto* const number :
         {"1.0", "1e0", "4294967296", "18446744073709551616", "-1", "true", "null", "[1]", "0"}) {
        EXPECT_EQ(error_with("sub", number), TokenError::BadTwin) << number;
    }
    for (const auto* const number : {"1700003600.0", "17000036e2", "-1", "253402300800",
                                     "18446744073709551615", "1e400", "null", "1700000000"}) {
        EXPECT_TRUE(error_with("exp", number) == TokenError::BadTimes ||
                    error_with("exp", number) == TokenError::BadClaims)
            << number;
    }
    EXPECT_EQ(error_with("exp", "253402300799"), TokenError::LifetimeTooLong);
}

TEST(GridToken, IsValidFromTenSecondsBeforeItsIatToItsExp) {
    const auto at = [](std::int64_t time) { return error_with("x", "1", Seconds(seconds(time))); };
    EXPECT_EQ(at(1'699'999'989), TokenError::FromTheFuture);
    EXPECT_EQ(at(1'699'999'990), std::nullopt);
    EXPECT_EQ(at(1'700'003'599), std::nullopt);
    EXPECT_EQ(at(1'700'003'600), TokenError::Expired);  // no allowance here
}

TEST(GridToken, LivesForAtMostTheMaximum) {
    EXPECT_EQ(error_with("exp", "1700086400"), std::nullopt);
    EXPECT_EQ(error_with("exp", "1700086401"), TokenError::LifetimeTooLong);
    auto rules = grid_rules();
    rules.max_lifetime = std::chrono::hours(720);
    const auto text = token_of(kHeader, claims_with("exp", "1702592000"));
    EXPECT_TRUE(parse_token(text, rules, kGridNow));
}

TEST(GridToken, IsForOneOfTheAudiencesByteForByte) {
    for (const auto* const audience :
         {R"("gent01.dev.grid.tf.")", R"("Gent01.dev.grid.tf")", R"("gent01.dev.grid")", R"("")"}) {
        EXPECT_EQ(error_with("aud", audience), TokenError::OtherAudience) << audience;
    }
    for (const auto* const audience : {R"(["gent01.dev.grid.tf"])", "null", "1"}) {
        EXPECT_EQ(error_with("aud", audience), TokenError::BadAudience) << audience;
    }
    EXPECT_EQ(parse_token(token_of(kHeader, claims_with("x", "1")), TokenRules{}, kGridNow).error(),
              TokenError::OtherAudience);
}

TEST(GridToken, RefusesMembersThatAreThereTwice) {
    const auto error_of = [](std::string_view header, std::string_view claims) {
        return parse_token(token_of(header, claims), grid_rules(), kGridNow).error();
    };
    const auto claims = claims_with("x", "1");
    EXPECT_EQ(error_of(R"({"alg":"RS512","typ":"JWT","typ":"diglett+jwt"})", claims),
              TokenError::BadHeader);
    EXPECT_EQ(error_of(kHeader, claims_with("x", R"(1,"s\u0075b":2)")), TokenError::BadClaims);
    EXPECT_EQ(error_of(kHeader, claims_with("x", R"({"a":1,"a":2})")), TokenError::BadClaims);
    EXPECT_EQ(error_of(R"({"alg":"RS512","typ":"diglett+jwt","crit":[]})", claims),
              TokenError::CriticalHeader);
    EXPECT_EQ(error_of("[]", claims), TokenError::BadHeader);
    EXPECT_EQ(error_of(std::string(kHeader) + "x", claims), TokenError::BadHeader);
}

TEST(GridToken, IsAtMost8KiB) {
    const auto with_padding = [](std::size_t size) {
        return token_of(kHeader, claims_with("x", '"' + std::string(size, 'x') + '"'));
    };
    std::size_t size = 5000;
    while (with_padding(size + 1).size() <= kMaxTokenBytes) {
        ++size;
    }
    EXPECT_TRUE(parse_token(with_padding(size), grid_rules(), kGridNow));
    const auto longer = parse_token(with_padding(size + 1), grid_rules(), kGridNow);
    EXPECT_EQ(longer.error(), TokenError::TooLong);
}

TEST(GridToken, RefusesWhatIsNoTokenAtAll) {
    for (const std::string_view text : {"", ".", "..", "...", "a", "a.b", ".b.c", "a..c", "a.b."}) {
        EXPECT_EQ(parse_token(text, grid_rules(), kGridNow).error(), TokenError::NotThreeParts)
            << text;
    }
}

TEST(GridToken, IsRecognisedByItsHeaderHoweverWrongTheRest) {
    const auto header = crypto::to_base64url(as_bytes(kHeader));
    EXPECT_TRUE(looks_like_grid_token(grid_token("diglett/alice_sr/example")));
    EXPECT_TRUE(looks_like_grid_token(grid_token("reject/header_alg_none")));
    EXPECT_TRUE(looks_like_grid_token(grid_token("reject/two_parts")));
    EXPECT_TRUE(looks_like_grid_token(header));
    EXPECT_TRUE(looks_like_grid_token(header + "." + std::string(100'000, 'x')));
    // However long the header is that a token may have.
    EXPECT_TRUE(looks_like_grid_token(crypto::to_base64url(
        as_bytes(R"({"typ":"diglett+jwt","x":")" + std::string(6'000, 'x') + R"("})"))));
    for (const std::string& text :
         {std::string(), std::string("alice-secret"), header + "=", "x" + header,
          grid_token("rmb/alice_sr/rust_style"), grid_token("reject/header_typ_plain_jwt"),
          crypto::to_base64url(ByteVector(3000, std::byte{' '})), std::string(100'000, 'x')}) {
        EXPECT_FALSE(looks_like_grid_token(text)) << text.substr(0, 40);
    }
}

}  // namespace
}  // namespace diglett::auth::grid
