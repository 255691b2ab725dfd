#include "auth/grid/token_writer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/grid_chain.hpp"

namespace diglett::auth::grid {
namespace {

using std::chrono::seconds;
using test::grid_rules;
using test::grid_token;
using test::kGridNow;
using test::text_at;

crypto::SigningKey key_of(std::string_view name) {
    const auto keys = test::load_vectors("grid/keys.json");
    const auto& key = keys.at("keys").at(name);
    const auto type =
        text_at(key, "type") == "sr25519" ? crypto::KeyType::Sr25519 : crypto::KeyType::Ed25519;
    return crypto::SigningKey::parse(type, text_at(key, "suri")).value();
}

TEST(TokenWriter, WritesTheTokenOfTheVectors) {
    // ed25519 signatures are the same each time, so the whole token is.
    const auto token = write_token({.twin = 2,
                                    .names = {"edexample"},
                                    .audience = "gent01.dev.grid.tf",
                                    .issued_at = Seconds(seconds(1'700'000'000)),
                                    .lifetime = seconds(3600)},
                                   key_of("alice_ed"));
    ASSERT_TRUE(token);
    EXPECT_EQ(token->expose_secret(), grid_token("diglett/alice_ed/edexample"));
}

TEST(TokenWriter, WritesWhatIsAccepted) {
    for (const auto* const name : {"alice_sr", "alice_ed"}) {
        const auto key = key_of(name);
        const TokenRequest request{.twin = 4'294'967'295,
                                   .names = {"one", "two"},
                                   .audience = "gent01.dev.grid.tf",
                                   .issued_at = kGridNow};
        const auto text = write_token(request, key);
        ASSERT_TRUE(text);
        const auto token = parse_token(text->expose_secret(), grid_rules(), kGridNow);
        ASSERT_TRUE(token);
        EXPECT_EQ(token->twin, request.twin);
        EXPECT_EQ(token->names, request.names);
        EXPECT_EQ(token->expires_at - token->issued_at, std::chrono::minutes(5));
        EXPECT_EQ(token->key_type, key.type());
        EXPECT_TRUE(is_signed_by(*token, key.public_key()));
        EXPECT_FALSE(is_signed_by(*token, key_of("bob_sr").public_key()));
        EXPECT_FALSE(is_signed_by(*token, Account{}));
    }
}

TEST(TokenWriter, RefusesWhatNoGatewayAccepts) {
    const auto key = key_of("alice_ed");
    const TokenRequest right{.twin = 1, .names = {"one"}, .audience = "a.b", .issued_at = kGridNow};
    const auto refuses = [&key](const TokenRequest& request) {
        const auto token = write_token(request, key);
        return !token && token.error().code == Errc::InvalidUsage;
    };
    EXPECT_FALSE(refuses(right));
    auto wrong = right;
    wrong.twin = 0;
    EXPECT_TRUE(refuses(wrong));
    wrong = right;
    wrong.audience.clear();
    EXPECT_TRUE(refuses(wrong));
    wrong = right;
    wrong.lifetime = seconds(0);
    EXPECT_TRUE(refuses(wrong));
    for (const std::vector<std::string>& names :
         {std::vector<std::string>{},
          {""},
          {"one", "ab"},
          {"-lead"},
          {"Example"},
          {"under_score"},
          std::vector<std::string>(200, std::string(63, 'n'))}) {
        wrong = right;
        wrong.names = names;
        EXPECT_TRUE(refuses(wrong)) << names.size();
    }
}

}  // namespace
}  // namespace diglett::auth::grid
