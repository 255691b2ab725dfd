#include "auth/grid/chain/grid_authenticator.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/grid/chain/chain_client.hpp"
#include "auth/grid/storage_key.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::auth::grid {
namespace {

using namespace std::chrono_literals;
using test::NodeMode;
using testing::HasSubstr;
using wire::RefusalCode;
using Login = std::expected<Identity, Refusal>;
using Names = std::expected<Allowed, Refusal>;

constexpr std::string_view kAlice = "diglett/alice_sr/example";
constexpr std::string_view kOtherAccount =
    "0x010000008eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48000000";

/// Refused for the token, or decided by the chain.
using Outcome = std::variant<TokenError, Reason>;

// What mock_chain.json's decisions are; "policy" in it stands for either.
const std::map<std::pair<std::string_view, std::string_view>, Outcome> kOutcomes{
    {{"alice_sr/example", "example"}, Reason::Allowed},
    {{"alice_ed/edexample", "edexample"}, Reason::Allowed},
    {{"bob_sr/bobname", "bobname"}, Reason::Allowed},
    {{"bob_ed/bobed", "bobed"}, Reason::Allowed},
    {{"dev_root_sr/rooted", "rooted"}, Reason::Allowed},
    {{"alice_sr/example", "edexample"}, Reason::NameNotInToken},
    {{"alice_sr/bobname", "bobname"}, Reason::OtherTwin},
    {{"alice_sr/claims_twin_3", "bobname"}, Reason::SignatureWrong},
    {{"alice_sr/twin_404", "example"}, Reason::NoSuchTwin},
    {{"alice_sr/twin_6_id_mismatch", "midtwin"}, Reason::StoredTwinDiffers},
    {{"alice_sr/grace", "grace"}, Reason::Allowed},
    {{"alice_sr/deleted", "deleted"}, Reason::ContractDeleted},
    {{"alice_sr/outoffunds", "outoffunds"}, Reason::ContractDeleted},
    {{"alice_sr/collective", "collective"}, Reason::ContractDeleted},
    {{"alice_sr/dangling", "dangling"}, Reason::ContractMissing},
    {{"alice_sr/mismatch", "mismatch"}, Reason::OtherName},
    {{"alice_sr/nodeish", "nodeish"}, Reason::NotANameContract},
    {{"alice_sr/rentish", "rentish"}, Reason::NotANameContract},
    {{"alice_sr/wrongid", "wrongid"}, Reason::StoredContractDiffers},
    {{"alice_sr/sponsored", "sponsored"}, Reason::Allowed},
    {{"alice_sr/64chars", "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"},
     Reason::NameNotUsable},
    {{"alice_sr/63chars", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"},
     Reason::Allowed},
    {{"alice_sr/under_score", "under_score"}, Reason::NameNotUsable},
    {{"alice_sr/-lead", "-lead"}, Reason::NameNotUsable},
    {{"alice_sr/trail-", "trail-"}, Reason::NameNotUsable},
    {{"alice_sr/12345", "12345"}, Reason::Allowed},
    {{"alice_sr/xn--bcher-kva", "xn--bcher-kva"}, Reason::Allowed},
    {{"alice_sr/oldversion", "oldversion"}, Reason::Allowed},
    {{"alice_sr/trunc", "trunc"}, Reason::ContractUnreadable},
    {{"alice_sr/extra", "extra"}, Reason::ContractUnreadable},
    {{"alice_sr/badstate", "badstate"}, Reason::ContractUnreadable},
    {{"alice_sr/badtype", "badtype"}, Reason::ContractUnreadable},
    {{"alice_sr/zero", "zero"}, Reason::NotRegistered},
    {{"alice_sr/unknown", "unknown"}, Reason::NotRegistered},
    {{"alice_sr/bigid", "bigid"}, Reason::Allowed},
    {{"alice_sr/a___lock", "a___lock"}, Reason::NameNotUsable},
    {{"alice_sr/midtwin", "midtwin"}, Reason::OtherTwin},
    {{"alice_sr/other_audience", "example"}, TokenError::OtherAudience},
    {{"alice_sr/expired", "example"}, TokenError::Expired},
    {{"alice_sr/issued_in_future", "example"}, TokenError::FromTheFuture},
    {{"alice_sr/lifetime_10_years", "example"}, TokenError::LifetimeTooLong},
    {{"rmb/alice_sr/rust_style", "example"}, TokenError::WrongType},
};

const Outcome& expected_outcome(std::string_view token_name, std::string_view name) {
    constexpr std::string_view kOurs = "diglett/";
    if (token_name.starts_with(kOurs)) {
        token_name.remove_prefix(kOurs.size());
    }
    return kOutcomes.at({token_name, name});
}

std::string_view words_of(const Outcome& outcome) {
    return std::visit([](auto why) { return words(why); }, outcome);
}

class GridAuthenticatorTest : public testing::Test {
  protected:
    GridAuthenticatorTest() { make(GridOptions{.token = test::grid_rules(), .rules = {}}); }

    ~GridAuthenticatorTest() override { stop(); }

    void make(GridOptions options) {
        stop();
        ChainOptions chain;
        chain.endpoints = {*parse_node_url("ws://127.0.0.1:1")};
        chain.retry_pause = 1ms;
        client_ = std::make_unique<ChainClient>(
            context_.get_executor(), chain,
            [this](const NodeUrl&) { return std::make_shared<test::FakeLink>(node_); },
            clocks_.clocks(), log_.logger());
        grid_ = std::make_unique<GridAuthenticator>(std::move(options), *client_, clocks_.clocks(),
                                                    log_.logger());
    }

    void stop() {
        grid_.reset();
        if (client_) {
            test::run_coroutine(context_, client_->stop());
            client_.reset();
        }
    }

    template <class T>
    T run(net::Awaitable<T> work) {
        std::optional<T> result;
        test::run_coroutine(context_, test::detail::keep_result(std::move(work), result));
        return std::move(result).value();
    }

    Login login_with(std::string text, int protocol = 2) {
        const Credential credential{
            .token = Secret(std::move(text)), .has_agent_key = protocol == 2, .agent_key = {}};
        const ConnectionFacts facts{
            .address = "192.0.2.1:4000", .is_loopback = false, .protocol = protocol};
        return run(grid_->authenticate(credential, facts, Clock::now() + 5s));
    }

    Login login(std::string_view token_name, int protocol = 2) {
        return login_with(test::grid_token(token_name), protocol);
    }

    /// As a Register that comes along with the login.
    Names ask_at_login(Identity identity, const std::string& name) {
        identity.at_login = true;
        return ask(identity, name);
    }

    Names ask(const Identity& identity, const std::string& name) {
        const std::string kind = "http";
        return run(grid_->authorize(identity, name, kind, Clock::now() + 5s));
    }

    /// The words with which `name` is refused to the bearer of a token; those of Allowed if not.
    std::string words_about(std::string_view token_name, const std::string& name) {
        const auto identity = login(token_name);
        if (!identity) {
            return identity.error().text;
        }
        const auto answer = ask(*identity, name);
        return answer ? std::string(words(Reason::Allowed)) : answer.error().text;
    }

    static RefusalCode code_of(const auto& answer) {
        return answer ? RefusalCode::Unknown : answer.error().code;
    }

    /// The change of state called `name` happens in a new block.
    void change(std::string_view name) {
        for (const auto& scenario : test::array_at(node_.chain.vectors(), "scenarios")) {
            if (test::text_at(scenario, "name") == name) {
                node_.chain.apply(scenario.at("override").as_object());
            }
        }
        clocks_.pass(1s);
        node_.seal();
    }

    [[nodiscard]] std::size_t heads() { return node_.asked["chain_getFinalizedHead"]; }

    [[nodiscard]] std::size_t twin_reads() const { return node_.count(twin_key(1)); }

    test::ManualClocks clocks_;
    test::FakeNode node_{clocks_};
    test::LogCapture log_;
    net::asio::io_context context_;
    std::unique_ptr<ChainClient> client_;
    std::unique_ptr<GridAuthenticator> grid_;
};

TEST_F(GridAuthenticatorTest, DecidesAsTheVectorsSay) {
    std::size_t allowed = 0;
    std::size_t undecided = 0;
    for (const auto& vector : test::array_at(node_.chain.vectors(), "decisions")) {
        const auto token_name = test::text_at(vector, "token_name");
        const std::string name(test::text_at(vector, "register_name"));
        const auto expect = test::text_at(vector, "expect");
        const auto reason = test::text_at(vector, "reason");
        SCOPED_TRACE(std::string(token_name) + " for " + name);
        const auto identity = login(token_name);
        const auto answer = identity ? std::optional(ask(*identity, name)) : std::nullopt;
        const bool is_allowed = answer && *answer;
        EXPECT_TRUE(expect == "policy" || is_allowed == (expect == "allow")) << reason;
        const auto code = identity ? code_of(*answer) : code_of(identity);
        const bool not_understood =
            reason.starts_with("value does not decode exactly") || reason.starts_with("stored ");
        EXPECT_EQ(code == RefusalCode::Undecided, not_understood) << reason;
        EXPECT_EQ(code == RefusalCode::Expired, reason == "expired");
        allowed += is_allowed ? 1U : 0U;
        undecided += code == RefusalCode::Undecided ? 1U : 0U;
    }
    EXPECT_EQ(allowed, 12U) << "ten, the grace period, and xn--";
    EXPECT_EQ(undecided, 6U);
}

TEST_F(GridAuthenticatorTest, GivesTheReasonOfEachDecision) {
    const auto& decisions = test::array_at(node_.chain.vectors(), "decisions");
    ASSERT_EQ(decisions.size(), kOutcomes.size());
    for (const bool strict : {false, true}) {
        for (const auto& vector : decisions) {
            const auto token_name = test::text_at(vector, "token_name");
            const std::string name(test::text_at(vector, "register_name"));
            SCOPED_TRACE(std::string(token_name) + " for " + name);
            make({.token = test::grid_rules(), .rules = {.strict = strict}});  // nothing is cached
            const auto expected = strict && name == "grace" ? Outcome(Reason::InGracePeriod)
                                                            : expected_outcome(token_name, name);
            EXPECT_EQ(words_about(token_name, name), words_of(expected));
        }
    }
}

TEST_F(GridAuthenticatorTest, NamesTheIdentityByItsTwin) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->key, "grid:1");
    EXPECT_TRUE(identity->reserves_names);
}

TEST_F(GridAuthenticatorTest, TouchesNoNetworkForATokenThatIsWrongInItself) {
    for (const std::string_view token_name :
         {"diglett/alice_sr/other_audience", "diglett/alice_sr/expired",
          "diglett/alice_sr/issued_in_future", "diglett/alice_sr/lifetime_10_years"}) {
        const auto refused = login(token_name);
        ASSERT_FALSE(refused);
        EXPECT_FALSE(refused.error().not_recognised);
    }
    for (const std::string& token :
         {std::string(), std::string("dgl1_x"), std::string("a.b.c"),
          test::grid_token("rmb/alice_sr/rust_style"), std::string(9000, 'a')}) {
        const auto refused = login_with(token);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, RefusalCode::Credential);
        EXPECT_TRUE(refused.error().not_recognised);
    }
    EXPECT_TRUE(node_.asked.empty());
}

TEST_F(GridAuthenticatorTest, AcceptsProtocolOneOnlyWhenTold) {
    const auto refused = login(kAlice, 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::Credential);
    EXPECT_FALSE(refused.error().not_recognised);
    EXPECT_THAT(refused.error().text, HasSubstr("allow-v1"));
    EXPECT_TRUE(node_.asked.empty());
    make({.token = test::grid_rules(), .rules = {}, .allow_v1 = true});
    EXPECT_TRUE(login(kAlice, 1));
}

TEST_F(GridAuthenticatorTest, DecidesAFlightAtOneBlock) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(identity);
    EXPECT_EQ(heads(), 1U);
    change("contract_cancelled");
    EXPECT_TRUE(ask_at_login(*identity, "example")) << "at the block of the login";
    EXPECT_EQ(heads(), 1U);
    const auto again = ask(*identity, "example");
    EXPECT_EQ(code_of(again), RefusalCode::NameNotAllowed) << "at a new block";
    EXPECT_THAT(again.error().text, HasSubstr("a minute"));
    EXPECT_FALSE(again.error().ends_identity);
    EXPECT_EQ(heads(), 2U);
}

TEST_F(GridAuthenticatorTest, TakesANewBlockForALaterRegister) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(identity);
    clocks_.pass(std::chrono::duration_cast<std::chrono::milliseconds>(kFlight));
    change("contract_cancelled");
    EXPECT_EQ(code_of(ask_at_login(*identity, "example")), RefusalCode::NameNotAllowed);
}

TEST_F(GridAuthenticatorTest, TakesANewBlockForTheFirstRegisterAfterTheLogin) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(identity);
    change("contract_cancelled");
    EXPECT_EQ(code_of(ask(*identity, "example")), RefusalCode::NameNotAllowed);
    EXPECT_EQ(heads(), 2U);
}

TEST_F(GridAuthenticatorTest, SaysWhenToAskAgain) {
    const auto identity = login(kAlice);
    const auto now = clocks_.clocks().steady();
    EXPECT_EQ(ask(*identity, "example")->ask_again, now + 10min);
    clocks_.chance = 0.5;
    EXPECT_EQ(ask(*identity, "example")->ask_again, now + 9min);
}

TEST_F(GridAuthenticatorTest, EndsTheIdentityWhoseTwinHasAnotherAccount) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(ask(*identity, "example"));
    change("twin_transferred");
    const auto refused = ask(*identity, "example");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::Credential);
    EXPECT_TRUE(refused.error().ends_identity);
}

TEST_F(GridAuthenticatorTest, KeepsALiveNameAsLongAsNobodySaysNo) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(ask(*identity, "example"));
    for (const auto mode :
         {NodeMode::Gone, NodeMode::Late, NodeMode::Garbage, NodeMode::WrongId,
          NodeMode::StateError, NodeMode::Stale, NodeMode::OtherChain, NodeMode::NoHash}) {
        SCOPED_TRACE(static_cast<int>(mode));
        node_.mode = mode;
        clocks_.pass(6min);
        node_.seal();
        const auto answer = ask(*identity, "example");
        EXPECT_EQ(code_of(answer), RefusalCode::Undecided);
        EXPECT_EQ(code_of(login("diglett/alice_ed/edexample")), RefusalCode::Undecided);
    }
    node_.mode = NodeMode::Well;
    clocks_.pass(11s);
    node_.seal();
    EXPECT_TRUE(ask(*identity, "example"));
    change("enters_grace");
    EXPECT_TRUE(ask(*identity, "example"));
    change("contract_moved_to_other_twin");
    EXPECT_EQ(code_of(ask(*identity, "example")), RefusalCode::NameNotAllowed);
}

TEST_F(GridAuthenticatorTest, StrictEndsANameInItsGracePeriod) {
    make({.token = test::grid_rules(), .rules = {.strict = true}});
    const auto identity = login(kAlice);
    ASSERT_TRUE(ask(*identity, "example"));
    change("enters_grace");
    EXPECT_EQ(code_of(ask(*identity, "example")), RefusalCode::NameNotAllowed);
}

TEST_F(GridAuthenticatorTest, KeepsWhatIsBoughtAgainByTheSameTwin) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(ask(*identity, "example"));
    const auto as_id = [](std::byte id) { return ByteVector{id, {}, {}, {}, {}, {}, {}, {}}; };
    auto contract = node_.chain.at(contract_key(11)).value();
    contract.at(5) = std::byte{99};  // version u32, state u8, then the id
    node_.chain.set(contract_key(11), std::nullopt);
    node_.chain.set(contract_key(99), contract);
    node_.chain.set(name_registration_key("example"), as_id(std::byte{99}));
    clocks_.pass(1s);
    node_.seal();
    EXPECT_TRUE(ask(*identity, "example"));
}

TEST_F(GridAuthenticatorTest, NullIsNoAnswerWithoutThePallet) {
    const auto identity = login(kAlice);
    ASSERT_TRUE(ask(*identity, "example"));
    change("contract_cancelled");
    node_.chain.set(contract_pallet_version_key(), std::nullopt);
    clocks_.pass(1s);
    node_.seal();
    EXPECT_EQ(code_of(ask(*identity, "example")), RefusalCode::Undecided);
    node_.chain.set(twin_pallet_version_key(), std::nullopt);
    clocks_.pass(1s);
    node_.seal();
    EXPECT_EQ(code_of(login("diglett/alice_sr/twin_404")), RefusalCode::Undecided);
}

TEST_F(GridAuthenticatorTest, WarnsOnceOfANewerPallet) {
    change("unknown_contract_pallet_version");
    const auto identity = login(kAlice);
    EXPECT_TRUE(ask(*identity, "example"));
    EXPECT_TRUE(ask(*identity, "example"));
    EXPECT_EQ(log_.count("version"), 2U) << "of the program, and this";
    make({.token = test::grid_rules(), .rules = {.unknown_version = UnknownVersion::Refuse}});
    EXPECT_EQ(code_of(ask(*login(kAlice), "example")), RefusalCode::Undecided);
}

TEST_F(GridAuthenticatorTest, ReadsATwinOnceAMinute) {
    EXPECT_TRUE(login(kAlice));
    clocks_.pass(59s);
    node_.seal();
    EXPECT_TRUE(login("diglett/alice_sr/grace"));
    EXPECT_EQ(twin_reads(), 1U);
    clocks_.pass(1s);
    EXPECT_TRUE(login(kAlice));
    EXPECT_EQ(twin_reads(), 2U);
}

TEST_F(GridAuthenticatorTest, TriesAWrongSignatureOnceOnAFreshRead) {
    // Twin 3 is asked for by somebody else's signature, again and again.
    const auto bob_reads = [this] { return node_.count(twin_key(3)); };
    EXPECT_TRUE(login("diglett/bob_sr/bobname"));
    EXPECT_EQ(bob_reads(), 1U);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(code_of(login("diglett/alice_sr/claims_twin_3")), RefusalCode::Credential);
    }
    EXPECT_EQ(bob_reads(), 1U) << "read within the last second";
    clocks_.pass(1s);
    const auto before = heads();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(code_of(login("diglett/alice_sr/claims_twin_3")), RefusalCode::Credential);
    }
    EXPECT_EQ(bob_reads(), 2U);
    EXPECT_EQ(heads(), before + 1) << "a wrong signature asks the chain nothing else";
}

TEST_F(GridAuthenticatorTest, CallsNoSignatureWrongThatItCouldNotLookUpAnew) {
    EXPECT_TRUE(login("diglett/bob_sr/bobname"));
    clocks_.pass(2s);
    node_.mode = NodeMode::Gone;
    EXPECT_EQ(code_of(login("diglett/alice_sr/claims_twin_3")), RefusalCode::Undecided);
    const auto refused = login("diglett/alice_sr/claims_twin_3");
    EXPECT_EQ(code_of(refused), RefusalCode::TryLater);
    EXPECT_EQ(refused.error().retry_after, 1s);
}

TEST_F(GridAuthenticatorTest, LetsTheNewAccountInBeforeTheOldOneIsForgotten) {
    node_.chain.apply({{"0x" + crypto::to_hex(twin_key(1)), kOtherAccount}});
    node_.seal();
    EXPECT_EQ(code_of(login(kAlice)), RefusalCode::Credential);
    node_.chain.set(twin_key(1), test::GridChain().at(twin_key(1)));
    clocks_.pass(2s);
    node_.seal();
    EXPECT_TRUE(login(kAlice)) << "the cached account did not fit, the fresh one does";
}

TEST_F(GridAuthenticatorTest, RemembersForSecondsThatThereIsNoTwin) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(code_of(login("diglett/alice_sr/twin_404")), RefusalCode::Credential);
    }
    EXPECT_EQ(node_.count(twin_key(404)), 1U);
    EXPECT_EQ(heads(), 1U);
    clocks_.pass(5s);
    EXPECT_EQ(code_of(login("diglett/alice_sr/twin_404")), RefusalCode::Credential);
    EXPECT_EQ(node_.count(twin_key(404)), 2U);
}

TEST_F(GridAuthenticatorTest, ReadsATwinOnceForAHundredLoginsAtOnce) {
    const Credential credential{
        .token = Secret(test::grid_token(kAlice)), .has_agent_key = true, .agent_key = {}};
    const ConnectionFacts facts{.address = "192.0.2.1:4000", .is_loopback = false, .protocol = 2};
    std::vector<std::optional<Login>> logins(100);
    for (auto& slot : logins) {
        net::asio::co_spawn(context_.get_executor(),
                            test::detail::keep_result(
                                grid_->authenticate(credential, facts, Clock::now() + 10s), slot),
                            [](const std::exception_ptr&) {});
    }
    context_.restart();
    while (!logins.back() && context_.run_one_for(1s) > 0) {
    }
    context_.poll();
    for (const auto& slot : logins) {
        ASSERT_TRUE(slot);
        EXPECT_TRUE(*slot);
    }
    EXPECT_LE(twin_reads(), 10U);
}

/// Writes down who asks.
class SourceWitness final : public ChainReader {
  public:
    explicit SourceWitness(ChainReader& chain) : chain_(chain) {}

    net::Awaitable<ChainResult<Block>> head(TimePoint deadline) override {
        return chain_.head(deadline);
    }

    net::Awaitable<ChainResult<std::vector<StorageValue>>> read(Block block,
                                                                std::vector<ByteVector> keys,
                                                                std::string source,
                                                                TimePoint deadline) override {
        sources.insert(source);
        return chain_.read(std::move(block), std::move(keys), std::move(source), deadline);
    }

    std::set<std::string> sources;

  private:
    ChainReader& chain_;
};

TEST_F(GridAuthenticatorTest, AsksForTheSourceThatTheConnectionCountsFor) {
    SourceWitness witness(*client_);
    GridAuthenticator grid(GridOptions{.token = test::grid_rules(), .rules = {}}, witness,
                           clocks_.clocks(), log_.logger());
    const Credential credential{
        .token = Secret(test::grid_token(kAlice)), .has_agent_key = true, .agent_key = {}};
    const ConnectionFacts facts{.address = "[2001:db8::1]:4000",
                                .is_loopback = false,
                                .protocol = 2,
                                .source = "2001:db8::/64"};
    const auto identity = run(grid.authenticate(credential, facts, Clock::now() + 5s));
    ASSERT_TRUE(identity);
    const std::string name = "example";
    const std::string kind = "http";
    EXPECT_TRUE(run(grid.authorize(*identity, name, kind, Clock::now() + 5s)));
    EXPECT_THAT(witness.sources, testing::ElementsAre("2001:db8::/64"));
}

TEST_F(GridAuthenticatorTest, ChecksTheOwnerOfAnIdentityFromItsKeyAlone) {
    const Identity bare{.key = "grid:1", .reserves_names = true, .grant = {}};
    EXPECT_TRUE(ask(bare, "example"));
    const auto before = heads();
    EXPECT_TRUE(ask(bare, "grace")) << "no token limits it";
    EXPECT_EQ(heads(), before + 1) << "always at a new block";
    EXPECT_EQ(code_of(ask(bare, "bobname")), RefusalCode::NameNotAllowed);
    EXPECT_EQ(code_of(ask(bare, "unknown")), RefusalCode::NameNotAllowed);
    for (const std::string key : {"grid:", "grid:0", "grid:x", "grid:1x", "grid:4294967296", "1"}) {
        const Identity broken{.key = key, .reserves_names = true, .grant = {}};
        EXPECT_EQ(code_of(ask(broken, "example")), RefusalCode::Undecided) << key;
    }
}

TEST_F(GridAuthenticatorTest, SaysToComeAgainWhenTooMuchWaits) {
    stop();
    ChainOptions chain;
    chain.endpoints = {*parse_node_url("ws://127.0.0.1:1")};
    chain.queue = {.at_once = 0, .waiting = 0, .waiting_per_source = 0};
    client_ = std::make_unique<ChainClient>(
        context_.get_executor(), chain,
        [this](const NodeUrl&) { return std::make_shared<test::FakeLink>(node_); },
        clocks_.clocks(), log_.logger());
    grid_ =
        std::make_unique<GridAuthenticator>(GridOptions{.token = test::grid_rules(), .rules = {}},
                                            *client_, clocks_.clocks(), log_.logger());
    const auto refused = login(kAlice);
    EXPECT_EQ(code_of(refused), RefusalCode::TryLater);
    EXPECT_GT(refused.error().retry_after, Duration::zero());
}

TEST_F(GridAuthenticatorTest, LogsNothingOfTheToken) {
    const auto token = test::grid_token(kAlice);
    const auto identity = login_with(token);
    EXPECT_TRUE(ask(*identity, "example"));
    EXPECT_FALSE(login("diglett/alice_sr/claims_twin_3"));
    EXPECT_GE(log_.lines().size(), 2U);
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    EXPECT_EQ(log_.count(token.substr(0, first)), 0U);
    EXPECT_EQ(log_.count(token.substr(first + 1, 40)), 0U);
    EXPECT_EQ(log_.count(token.substr(last + 1)), 0U);
}

TEST(GridOptions, NamesWhatIsWrong) {
    const GridOptions right{.token = test::grid_rules(), .rules = {}};
    EXPECT_TRUE(right.validate());
    auto wrong = right;
    wrong.token.audiences.clear();
    EXPECT_THAT(wrong.validate().error().text, HasSubstr("--grid-audience"));
    for (const std::string audience : {"", "Gateway.test", "gateway.test.", "a b"}) {
        wrong.token.audiences = {"gateway.test", audience};
        ASSERT_FALSE(wrong.validate()) << audience;
        EXPECT_EQ(wrong.validate().error().code, Errc::InvalidConfig);
    }
    wrong = right;
    wrong.recheck = 999ms;
    EXPECT_FALSE(wrong.validate());
    wrong = right;
    wrong.token.max_lifetime = 0s;
    EXPECT_FALSE(wrong.validate());
}

}  // namespace
}  // namespace diglett::auth::grid
