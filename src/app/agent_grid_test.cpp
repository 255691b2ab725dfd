#include "app/agent_grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/agent_credential.hpp"
#include "auth/grid/token.hpp"
#include "base/file.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPhrase =
    "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
constexpr const char* kSeed = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

class AgentGrid : public testing::Test {
  protected:
    std::string key_file(const std::string& text, mode_t mode = 0600) {
        const auto path = directory_.file("twin.key");
        EXPECT_TRUE(write_file_atomically(path, text, mode));
        return path.string();
    }

    static AgentConfig config(const std::string& file, const std::string& gateway = "gateway.com") {
        AgentConfig config;
        config.gateway = gateway;
        config.name = "example";
        config.backend = "9000";
        config.grid.key.twin = "1001";
        config.grid.key.key_file = file;
        return config;
    }

    static auth::grid::GridToken parsed(const Secret& token, const std::string& audience) {
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        auto read = auth::grid::parse_token(
            token.expose_secret(),
            {.audiences = {audience}, .max_lifetime = std::chrono::minutes(5)}, now);
        EXPECT_TRUE(read);
        return read.value_or(auth::grid::GridToken{});
    }

    test::TemporaryDirectory directory_;
};

TEST_F(AgentGrid, MakesATokenOfFiveMinutesForAllNames) {
    auto one = config(key_file(std::string(kPhrase) + "\n"), "Gateway.COM.:1234");
    one.name.clear();
    one.backend.clear();
    const auto service = [](const std::string& name) {
        return ConfigTable{{"name", {.values = {name}}}, {"backend", {.values = {"80"}}}};
    };
    const auto plan = plan_agent(one, {service("shop"), service("blog")});
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_TRUE(plan->grid);
    const AgentCredential credential(one, plan->grid, plan->services);
    const auto token = credential.current();
    ASSERT_TRUE(token) << token.error().text;
    const auto read = parsed(*token, "gateway.com");
    EXPECT_EQ(read.twin, 1001U);
    EXPECT_THAT(read.names, ElementsAre("shop", "blog"));
    EXPECT_EQ(read.expires_at - read.issued_at, std::chrono::minutes(5));
    const auto key = crypto::SigningKey::parse(crypto::KeyType::Sr25519, kPhrase);
    EXPECT_TRUE(auth::grid::is_signed_by(read, auth::grid::Account{key->public_key()}));
    EXPECT_FALSE(credential.has_changed(*token)) << "a fresh one is no other one";
}

TEST_F(AgentGrid, TakesASeedOfTheOtherKind) {
    const TwinKey key{.twin = 7, .file = key_file(kSeed), .type = crypto::KeyType::Ed25519};
    const auto token = mint_token(key, {"example"}, "gateway.com", std::chrono::minutes(1));
    ASSERT_TRUE(token) << token.error().text;
    const auto signer = crypto::SigningKey::parse(crypto::KeyType::Ed25519, kSeed);
    EXPECT_TRUE(auth::grid::is_signed_by(parsed(*token, "gateway.com"),
                                         auth::grid::Account{signer->public_key()}));
}

TEST_F(AgentGrid, RefusesAKeyThatOthersCanReadOrThatIsNone) {
    TwinKey key{.twin = 7, .file = key_file(kSeed, 0640)};
    auto token = mint_token(key, {"example"}, "gateway.com", std::chrono::minutes(1));
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, Errc::WeakFileMode);
    EXPECT_THAT(token.error().text, HasSubstr("chmod 600"));
    key.file = key_file(std::string(kSeed) + "\n\n");
    token = mint_token(key, {"example"}, "gateway.com", std::chrono::minutes(1));
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, Errc::InvalidConfig);
    EXPECT_THAT(token.error().text, HasSubstr("twin.key"));
    EXPECT_THAT(token.error().text, testing::Not(HasSubstr("0001020304")));
}

TEST_F(AgentGrid, NeedsAllItsParts) {
    auto no_key = config("");
    EXPECT_THAT(plan_agent(no_key, {}).error().text, HasSubstr("--grid-key-file"));
    auto no_twin = config("key");
    no_twin.grid.key.twin.clear();
    EXPECT_THAT(plan_agent(no_twin, {}).error().text, HasSubstr("--grid-twin"));
    auto two = config("key");
    two.token = "another";
    EXPECT_THAT(plan_agent(two, {}).error().text, HasSubstr("exclude each other"));
    auto audience = config("");
    audience.grid.key.twin.clear();
    audience.grid.audience = "gateway.com";
    EXPECT_THAT(plan_agent(audience, {}).error().text, HasSubstr("--grid-audience needs"));
}

TEST_F(AgentGrid, AnAudienceThatIsGivenGoesBeforeTheGatewaysHost) {
    auto one = config("key", "10.0.0.1");
    one.grid.audience = "gateway.com";
    const auto plan = plan_agent(one, {});
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->grid->audience, "gateway.com");
}

TEST_F(AgentGrid, ATokenFileIsReadAnew) {
    AgentConfig one;
    one.token_file = key_file("first\n");
    const AgentCredential credential(one, std::nullopt, {});
    const auto first = credential.current();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->expose_secret(), "first");
    EXPECT_FALSE(credential.has_changed(*first));
    key_file("second\n");
    EXPECT_TRUE(credential.has_changed(*first));
    EXPECT_EQ(credential.current()->expose_secret(), "second");
}

}  // namespace
}  // namespace diglett::app
