#include "auth/authenticator_chain.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::auth {
namespace {

using wire::RefusalCode;

using Answer = std::expected<Identity, Refusal>;

Answer accepted(std::string key) {
    return Identity{.key = key, .reserves_names = true, .grant = "grant of " + key};
}

Answer refused(RefusalCode code, std::string text, bool not_recognised = false) {
    return std::unexpected(Refusal{.code = code,
                                   .text = std::move(text),
                                   .retry_after = {},
                                   .not_recognised = not_recognised});
}

Answer wrong(std::string text = "wrong") {
    return refused(RefusalCode::Credential, std::move(text));
}

Answer unknown_form(std::string text = "unknown form") {
    return refused(RefusalCode::Credential, std::move(text), true);
}

/// Gives one answer, and remembers that it was asked.
class FakeAuthenticator final : public Authenticator {
  public:
    FakeAuthenticator(std::string name, Answer answer, bool accepts_anyone,
                      std::vector<std::string>& asked, bool outranks = false)
        : outranks_(outranks),
          name_(std::move(name)),
          answer_(std::move(answer)),
          accepts_anyone_(accepts_anyone),
          asked_(asked) {}

    std::string_view name() const override { return name_; }

    bool accepts_anyone() const override { return accepts_anyone_; }

    bool outranks_leases() const override { return outranks_; }

    net::Awaitable<Answer> authenticate(const Credential&, const ConnectionFacts&,
                                        TimePoint) override {
        asked_.push_back(name_);
        co_return answer_;
    }

    net::Awaitable<std::expected<Allowed, Refusal>> authorize(const Identity& identity,
                                                              const std::string& name,
                                                              const std::string&,
                                                              TimePoint) override {
        asked_.push_back(name_ + " authorize " + name);
        if (outranks_ && !identity.grant.has_value()) {
            co_return Allowed{};
        }
        const auto* grant = std::any_cast<std::string>(&identity.grant);
        EXPECT_NE(grant, nullptr);
        if (grant == nullptr || *grant != "grant of " + identity.key) {
            co_return std::unexpected(Refusal{.code = RefusalCode::NameNotAllowed,
                                              .text = "not my grant",
                                              .retry_after = {},
                                              .not_recognised = false});
        }
        co_return Allowed{};
    }

  private:
    bool outranks_;
    std::string name_;
    Answer answer_;
    bool accepts_anyone_;
    std::vector<std::string>& asked_;
};

class AuthenticatorChainTest : public testing::Test {
  protected:
    void add(std::string name, Answer answer) {
        members_.push_back(
            std::make_unique<FakeAuthenticator>(std::move(name), std::move(answer), false, asked_));
    }

    void add_outranking(std::string name, Answer answer) {
        members_.push_back(std::make_unique<FakeAuthenticator>(std::move(name), std::move(answer),
                                                               false, asked_, true));
    }

    void add_open(std::string name, Answer answer) {
        members_.push_back(
            std::make_unique<FakeAuthenticator>(std::move(name), std::move(answer), true, asked_));
    }

    Answer ask() {
        chain_.emplace(std::move(members_), log_.logger());
        const Credential credential{
            .token = Secret("canary-token"), .has_agent_key = true, .agent_key = {}};
        const ConnectionFacts facts{.address = "192.0.2.1:7", .is_loopback = false, .protocol = 2};
        return test::run_coroutine(chain_->authenticate(credential, facts, kNever));
    }

    std::vector<std::unique_ptr<Authenticator>> members_;
    std::vector<std::string> asked_;
    test::LogCapture log_;
    std::optional<AuthenticatorChain> chain_;
};

using Names = std::vector<std::string>;

TEST_F(AuthenticatorChainTest, AsksInOrderUntilOneAccepts) {
    add("a", wrong());
    add("b", unknown_form());
    add("c", accepted("c:me"));
    add("d", accepted("d:me"));
    const auto answer = ask();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->key, "c:me");
    EXPECT_EQ(asked_, (Names{"a", "b", "c"}));
    EXPECT_EQ(log_.count("is c:me, decided by 'c'"), 1U);
}

TEST_F(AuthenticatorChainTest, TakesThreeRefusalsAsFinal) {
    for (const auto code : {RefusalCode::Expired, RefusalCode::TryLater, RefusalCode::Undecided}) {
        asked_.clear();
        add("a", refused(code, "final"));
        add("b", accepted("b:me"));
        add_open("open", accepted("key:me"));
        const auto answer = ask();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, code);
        EXPECT_EQ(answer.error().text, "final");
        EXPECT_EQ(asked_, (Names{"a"}));
        EXPECT_EQ(log_.count("refused, decided by 'a'"), 1U);
        log_ = {};
    }
}

TEST_F(AuthenticatorChainTest, NeverLetsInAtTheOpenDoorWhatSomebodyFoundWrong) {
    add_open("open", accepted("key:me"));
    add("tokens", wrong());
    add_open("loopback", accepted("local"));
    const auto answer = ask();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, RefusalCode::Credential);
    EXPECT_EQ(asked_, (Names{"tokens"}));
}

TEST_F(AuthenticatorChainTest, LetsInAtTheOpenDoorWhatNobodyRecognises) {
    add_open("open", accepted("key:me"));
    add("tokens", unknown_form());
    const auto answer = ask();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->key, "key:me");
    EXPECT_EQ(asked_, (Names{"tokens", "open"}));
}

TEST_F(AuthenticatorChainTest, PrefersAProvenIdentityToTheOpenDoor) {
    add_open("open", accepted("key:me"));
    add("tokens", accepted("tokens:alice"));
    EXPECT_EQ(ask()->key, "tokens:alice");
}

TEST_F(AuthenticatorChainTest, LetsALaterOneAcceptWhatAnEarlierOneFoundWrong) {
    add("tokens", wrong());
    add("jwt", accepted("jwt:me"));
    EXPECT_EQ(ask()->key, "jwt:me");
}

TEST_F(AuthenticatorChainTest, RepeatsTheWordsOfTheOneThatRecognisedTheCredential) {
    add("a", unknown_form());
    add("b", wrong("found wrong by b"));
    add("c", unknown_form());
    add("d", wrong("found wrong by d"));
    const auto answer = ask();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().text, "found wrong by b");
    EXPECT_EQ(asked_, (Names{"a", "b", "c", "d"}));
}

TEST_F(AuthenticatorChainTest, RepeatsTheLastWordsWhenNobodyDid) {
    add("a", unknown_form("said by a"));
    add_open("loopback", unknown_form("said by loopback"));
    EXPECT_EQ(ask().error().text, "said by loopback");
}

TEST_F(AuthenticatorChainTest, LogsWhoDecidedARefusal) {
    add("a", unknown_form());
    add("b", wrong());
    add("c", wrong());
    ASSERT_FALSE(ask());
    EXPECT_EQ(log_.count("is refused, decided by 'b'"), 1U);
}

TEST_F(AuthenticatorChainTest, LetsTheOneThatAcceptedAuthorize) {
    add("a", unknown_form());
    add("b", accepted("b:me"));
    const auto identity = ask();
    ASSERT_TRUE(identity);
    asked_.clear();
    const std::string name = "blog";
    const std::string kind = "http";
    EXPECT_TRUE(test::run_coroutine(chain_->authorize(*identity, name, kind, kNever)));
    EXPECT_EQ(asked_, (Names{"b authorize blog"}));
}

TEST_F(AuthenticatorChainTest, AsksTheOneThatOutranksLeasesByKeyAlone) {
    add("tokens", accepted("tokens:alice"));
    add_outranking("grid", accepted("grid:1"));
    ASSERT_TRUE(ask());
    asked_.clear();
    EXPECT_TRUE(chain_->outranks_leases("grid:1"));
    EXPECT_FALSE(chain_->outranks_leases("tokens:alice"));
    EXPECT_FALSE(chain_->outranks_leases("gone:1"));
    EXPECT_FALSE(chain_->outranks_leases(""));
    const std::string key = "grid:2";
    const std::string name = "blog";
    const std::string kind = "http";
    EXPECT_TRUE(test::run_coroutine(chain_->authorize_key(key, name, kind, kNever)));
    EXPECT_EQ(asked_, (Names{"grid authorize blog"}));
}

TEST_F(AuthenticatorChainTest, NeverLogsTheCredential) {
    add("a", wrong());
    add("b", unknown_form());
    add("c", accepted("c:me"));
    ASSERT_TRUE(ask());
    EXPECT_EQ(log_.lines().size(), 3U);
    EXPECT_EQ(log_.count("canary"), 0U);
}

}  // namespace
}  // namespace diglett::auth
