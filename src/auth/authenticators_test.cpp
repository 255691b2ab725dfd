#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/loopback_authenticator.hpp"
#include "auth/open_authenticator.hpp"
#include "auth/token_file_authenticator.hpp"
#include "crypto/agent_key.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::auth {
namespace {

using testing::HasSubstr;
using wire::RefusalCode;

const ConnectionFacts kHere{.address = "127.0.0.1:1", .is_loopback = true, .protocol = 2};
const ConnectionFacts kAway{.address = "192.0.2.1:1", .is_loopback = false, .protocol = 2};
const ConnectionFacts kHereV1{.address = "127.0.0.1:1", .is_loopback = true, .protocol = 1};
const ConnectionFacts kAwayV1{.address = "192.0.2.1:1", .is_loopback = false, .protocol = 1};

Credential with_token(std::string token) {
    return {.token = Secret(std::move(token)), .has_agent_key = true, .agent_key = {}};
}

Credential v1_with_token(std::string token) {
    return {.token = Secret(std::move(token)), .has_agent_key = false, .agent_key = {}};
}

std::expected<Identity, Refusal> ask(Authenticator& authenticator, const Credential& credential,
                                     const ConnectionFacts& facts) {
    return test::run_coroutine(authenticator.authenticate(credential, facts, kNever));
}

std::expected<Allowed, Refusal> ask_name(Authenticator& authenticator, const Identity& identity,
                                         const std::string& name) {
    const std::string kind = "http";
    return test::run_coroutine(authenticator.authorize(identity, name, kind, kNever));
}

TEST(LoopbackAuthenticator, AcceptsAgentsOfThisMachineOnly) {
    LoopbackAuthenticator loopback;
    const auto here = ask(loopback, with_token(""), kHere);
    ASSERT_TRUE(here);
    EXPECT_EQ(here->key, "local");
    EXPECT_FALSE(here->reserves_names);
    EXPECT_TRUE(ask_name(loopback, *here, "any"));
    for (const auto& facts : {kAway, kAwayV1}) {
        const auto away = ask(loopback, with_token(""), facts);
        ASSERT_FALSE(away);
        EXPECT_EQ(away.error().code, RefusalCode::Credential);
        EXPECT_TRUE(away.error().not_recognised);
    }
}

TEST(LoopbackAuthenticator, KnowsProtocolOneApart) {
    LoopbackAuthenticator loopback;
    const auto v1 = ask(loopback, v1_with_token(""), kHereV1);
    ASSERT_TRUE(v1);
    EXPECT_EQ(v1->key, "v1");
    EXPECT_FALSE(v1->reserves_names);
}

TEST(LoopbackAuthenticator, IgnoresATokenThatNobodyChecks) {
    LoopbackAuthenticator loopback;
    EXPECT_EQ(ask(loopback, with_token("for another gateway"), kHere)->key, "local");
    EXPECT_EQ(ask(loopback, v1_with_token("for another gateway"), kHereV1)->key, "v1");
}

TEST(OpenAuthenticator, NamesAnAgentByItsKey) {
    OpenAuthenticator open;
    auto credential = with_token("ignored");
    credential.agent_key[0] = std::byte{7};
    const auto identity = ask(open, credential, kAway);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->key, "key:" + crypto::fingerprint(credential.agent_key));
    EXPECT_TRUE(identity->reserves_names);
    EXPECT_TRUE(ask_name(open, *identity, "any"));
    EXPECT_NE(ask(open, with_token(""), kAway)->key, identity->key);
}

TEST(OpenAuthenticator, AcceptsProtocolOneWithoutAKeyAndNothingElse) {
    OpenAuthenticator open;
    const auto v1 = ask(open, v1_with_token(""), kAwayV1);
    ASSERT_TRUE(v1);
    EXPECT_EQ(v1->key, "v1");
    EXPECT_FALSE(v1->reserves_names);
    const auto keyless = ask(open, v1_with_token(""), kAway);
    ASSERT_FALSE(keyless);
    EXPECT_EQ(keyless.error().code, RefusalCode::Credential);
}

TokenIdentity identity_of(std::string name, const std::string& token) {
    TokenIdentity identity;
    identity.name = std::move(name);
    identity.token_sha256 = crypto::sha256(as_bytes(token));
    return identity;
}

TokenFileAuthenticator two_tokens() {
    auto alice = identity_of("alice", "alice's token");
    alice.names = {"blog", "shop"};
    auto bob = identity_of("bob", "bob's token");
    bob.any_name = true;
    bob.allow_v1 = true;
    return TokenFileAuthenticator({alice, bob});
}

TEST(TokenFileAuthenticator, KnowsItsTokens) {
    auto tokens = two_tokens();
    const auto alice = ask(tokens, with_token("alice's token"), kAway);
    ASSERT_TRUE(alice);
    EXPECT_EQ(alice->key, "tokens:alice");
    EXPECT_TRUE(alice->reserves_names);
    EXPECT_EQ(ask(tokens, with_token("bob's token"), kHere)->key, "tokens:bob");
}

TEST(TokenFileAuthenticator, RefusesEveryWrongTokenInTheSameWords) {
    auto tokens = two_tokens();
    const auto unknown = ask(tokens, with_token("something else"), kAway);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, RefusalCode::Credential);
    EXPECT_FALSE(unknown.error().not_recognised);
    for (const std::string wrong :
         {"alice's toke", "alice's tokem", "alice's token ", "x", "tokens:alice"}) {
        const auto refused = ask(tokens, with_token(wrong), kAway);
        ASSERT_FALSE(refused) << wrong;
        EXPECT_EQ(refused.error().text, unknown.error().text);
        EXPECT_EQ(refused.error().code, unknown.error().code);
        EXPECT_THAT(refused.error().text, testing::Not(HasSubstr(wrong)));
    }
}

TEST(TokenFileAuthenticator, DoesNotRecogniseAnAgentWithoutToken) {
    auto tokens = two_tokens();
    const auto refused = ask(tokens, with_token(""), kHere);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::Credential);
    EXPECT_TRUE(refused.error().not_recognised);
}

TEST(TokenFileAuthenticator, AcceptsOverProtocolOneOnlyTokensMarkedForIt) {
    auto tokens = two_tokens();
    EXPECT_EQ(ask(tokens, v1_with_token("bob's token"), kAwayV1)->key, "tokens:bob");
    const auto refused = ask(tokens, v1_with_token("alice's token"), kAwayV1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::Credential);
    EXPECT_FALSE(refused.error().not_recognised);
}

TEST(TokenFileAuthenticator, AllowsTheNamesOfTheIdentity) {
    auto tokens = two_tokens();
    const auto alice = ask(tokens, with_token("alice's token"), kAway);
    const auto bob = ask(tokens, with_token("bob's token"), kAway);
    ASSERT_TRUE(alice && bob);
    EXPECT_TRUE(ask_name(tokens, *alice, "blog"));
    EXPECT_TRUE(ask_name(tokens, *alice, "shop"));
    EXPECT_TRUE(ask_name(tokens, *bob, "whatever"));
    for (const auto* name : {"blo", "blogs", "other", "*"}) {
        const auto refused = ask_name(tokens, *alice, name);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, RefusalCode::NameNotAllowed);
        EXPECT_THAT(refused.error().text, HasSubstr(std::string("'") + name + "'"));
    }
}

TEST(TokenFileAuthenticator, AnswersForAnIdentityThatOutlivesIt) {
    std::expected<Identity, Refusal> alice;
    {
        auto first = two_tokens();
        alice = ask(first, with_token("alice's token"), kAway);
    }
    ASSERT_TRUE(alice);
    auto second = two_tokens();
    EXPECT_TRUE(ask_name(second, *alice, "blog"));
    EXPECT_FALSE(ask_name(second, *alice, "other"));
}

}  // namespace
}  // namespace diglett::auth
