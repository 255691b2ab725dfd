#include "auth/grid/decide.hpp"

#include <map>
#include <string>
#include <utility>
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/grid/storage_key.hpp"
#include "test/support/grid_chain.hpp"

namespace diglett::auth::grid {
namespace {

using test::grid_rules;
using test::grid_token;
using test::GridChain;
using test::kGridNow;
using test::text_at;

/// How far it came: refused for the token, or decided by the chain.
using Outcome = std::variant<TokenError, Reason>;

constexpr Rules kStrict{.strict = true};
constexpr Rules kKnownOnly{.unknown_version = UnknownVersion::Refuse};

GridToken token_called(std::string_view name) {
    return parse_token(grid_token(name), grid_rules(), kGridNow).value();
}

Decision decision(const GridChain& chain, std::string_view token_name, std::string_view name,
                  const Rules& rules = {}) {
    const auto token = token_called(token_name);
    return decide(token, name, chain.values(token.twin, name), rules);
}

Outcome outcome(const GridChain& chain, std::string_view token_name, std::string_view name,
                const Rules& rules = {}) {
    const auto token = parse_token(grid_token(token_name), grid_rules(), kGridNow);
    if (!token) {
        return token.error();
    }
    return decision(chain, token_name, name, rules).reason;
}

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

Outcome expected_outcome(std::string_view token_name, std::string_view name) {
    constexpr std::string_view kOurs = "diglett/";
    if (token_name.starts_with(kOurs)) {
        token_name.remove_prefix(kOurs.size());
    }
    return kOutcomes.at({token_name, name});
}

bool is_allowed(const Outcome& outcome) {
    return outcome == Outcome(Reason::Allowed);
}

TEST(Decide, GivesEachDecisionOfTheVectors) {
    const GridChain chain;
    const auto& decisions = test::array_at(chain.vectors(), "decisions");
    ASSERT_EQ(decisions.size(), 42U);
    ASSERT_EQ(kOutcomes.size(), 42U);
    for (const auto& vector : decisions) {
        const auto token_name = text_at(vector, "token_name");
        const auto name = text_at(vector, "register_name");
        SCOPED_TRACE(std::string(token_name) + " for " + std::string(name));
        const auto got = outcome(chain, token_name, name);
        EXPECT_EQ(got, expected_outcome(token_name, name));
        const auto expect = text_at(vector, "expect");
        EXPECT_TRUE(expect == "policy" || (expect == "allow") == is_allowed(got));
    }
}

// The texts of the vectors say where no answer was understood; there nothing may look like a no.
TEST(Decide, TellsANoFromAnAnswerThatWasNotUnderstood) {
    const GridChain chain;
    std::size_t undecided = 0;
    for (const auto& vector : test::array_at(chain.vectors(), "decisions")) {
        const auto reason = text_at(vector, "reason");
        const bool expected =
            reason.starts_with("value does not decode exactly") || reason.starts_with("stored ");
        const auto got =
            outcome(chain, text_at(vector, "token_name"), text_at(vector, "register_name"));
        const auto* const by_chain = std::get_if<Reason>(&got);
        const bool is_undecided =
            by_chain != nullptr && answer_of(*by_chain) == Answer::CannotDecide;
        EXPECT_EQ(is_undecided, expected) << reason;
        undecided += is_undecided ? 1U : 0U;
    }
    EXPECT_EQ(undecided, 6U);
}

TEST(Decide, StrictRefusesTheGracePeriodAlone) {
    const GridChain chain;
    for (const auto& [key, expected] : kOutcomes) {
        const std::string token_name = key.first.starts_with("rmb/")
                                           ? std::string(key.first)
                                           : "diglett/" + std::string(key.first);
        const auto got = outcome(chain, token_name, key.second, kStrict);
        EXPECT_EQ(got, key.second == "grace" ? Outcome(Reason::InGracePeriod) : expected)
            << token_name;
    }
}

/// The chain after the change of state called `name`.
GridChain chain_after(std::string_view name) {
    GridChain chain;
    for (const auto& scenario : test::array_at(chain.vectors(), "scenarios")) {
        if (text_at(scenario, "name") == name) {
            EXPECT_EQ(test::array_at(scenario, "then").size(), 1U);
            EXPECT_EQ(text_at(scenario.at("then").at(0), "token_name"), "diglett/alice_sr/example");
            EXPECT_EQ(text_at(scenario.at("then").at(0), "register_name"), "example");
            chain.apply(scenario.at("override").as_object());
            return chain;
        }
    }
    throw std::out_of_range(std::string(name));
}

Decision decision_after(std::string_view scenario, const Rules& rules = {}) {
    return decision(chain_after(scenario), "diglett/alice_sr/example", "example", rules);
}

Decision block_decision(const GridChain& chain) {
    return decide_block(chain.at(timestamp_key()), kGridNow, std::chrono::seconds(120));
}

TEST(Decide, FollowsEachChangeOfState) {
    EXPECT_EQ(test::array_at(GridChain().vectors(), "scenarios").size(), 6U);

    EXPECT_EQ(decision_after("twin_transferred").reason, Reason::SignatureWrong);
    EXPECT_EQ(decision_after("contract_cancelled").reason, Reason::NotRegistered);
    EXPECT_EQ(decision_after("contract_moved_to_other_twin").reason, Reason::OtherTwin);
    EXPECT_EQ(decision_after("enters_grace").reason, Reason::Allowed);
    EXPECT_EQ(decision_after("enters_grace", kStrict).reason, Reason::InGracePeriod);

    const auto newer = decision_after("unknown_contract_pallet_version");
    EXPECT_EQ(newer.reason, Reason::Allowed);
    EXPECT_THAT(newer.warnings,
                testing::ElementsAre(Warning{.of = Warning::Of::ContractPallet, .found = 0x0cU}));
    const auto refused = decision_after("unknown_contract_pallet_version", kKnownOnly);
    EXPECT_EQ(refused.reason, Reason::UnknownVersion);
    EXPECT_EQ(refused.answer(), Answer::CannotDecide);

    EXPECT_EQ(block_decision(chain_after("node_is_stale")).reason, Reason::BlockStale);
    EXPECT_EQ(block_decision(chain_after("node_is_stale")).answer(), Answer::CannotDecide);
    EXPECT_EQ(block_decision(GridChain()).reason, Reason::Allowed);
}

TEST(Decide, KnownVersionsGiveNoWarning) {
    const auto known = decision(GridChain(), "diglett/alice_sr/example", "example", kKnownOnly);
    EXPECT_EQ(known, Decision{});
}

TEST(Decide, NullIsANoOnlyWhereThePalletIs) {
    for (const bool twins : {true, false}) {
        GridChain chain;
        chain.set(twins ? twin_pallet_version_key() : contract_pallet_version_key(), std::nullopt);
        const auto* const token = twins ? "diglett/alice_sr/twin_404" : "diglett/alice_sr/unknown";
        const auto* const name = twins ? "example" : "unknown";
        const auto renamed = decision(chain, token, name);
        EXPECT_EQ(renamed.reason, Reason::NoPallet);
        EXPECT_EQ(renamed.answer(), Answer::CannotDecide);
        EXPECT_EQ(decision(GridChain(), token, name).answer(), Answer::NotAllowed);

        // What is there and decodes is believed, with a warning.
        const auto there = decision(chain, "diglett/alice_sr/example", "example");
        EXPECT_EQ(there.reason, Reason::Allowed);
        EXPECT_EQ(there.warnings.size(), 1U);
        EXPECT_EQ(decision(chain, "diglett/alice_sr/example", "example", kKnownOnly).reason,
                  Reason::UnknownVersion);
    }
}

TEST(Decide, MissingContractIsANoOnlyWhereThePalletIs) {
    const Rules rules;
    EXPECT_EQ(decide_name(1, "example", 11, {.value = {}, .pallet_version = {}}, rules).reason,
              Reason::NoPallet);
    EXPECT_EQ(decide_name(1, "example", 11,
                          {.value = {}, .pallet_version = ByteVector{std::byte{11}}}, rules)
                  .reason,
              Reason::ContractMissing);
}

TEST(Decide, VersionIsOneByte) {
    for (const std::size_t size : {0U, 2U, 4U}) {
        GridChain chain;
        chain.set(twin_pallet_version_key(), ByteVector(size));
        EXPECT_EQ(decision(chain, "diglett/alice_sr/example", "example").reason,
                  Reason::PalletVersionUnreadable);
    }
}

TEST(Decide, NewerContractIsAllowedWithAWarning) {
    GridChain chain;
    auto value = chain.at(contract_key(11)).value();
    value[0] = std::byte{5};
    chain.set(contract_key(11), value);
    const auto newer = decision(chain, "diglett/alice_sr/example", "example");
    EXPECT_EQ(newer.reason, Reason::Allowed);
    EXPECT_THAT(newer.warnings,
                testing::ElementsAre(Warning{.of = Warning::Of::Contract, .found = 5U}));
    EXPECT_EQ(words(newer.warnings.front()),
              "a name contract's value has version 5, which is newer than those known");
    EXPECT_EQ(decision(chain, "diglett/alice_sr/example", "example", kKnownOnly).reason,
              Reason::UnknownVersion);
}

TEST(Decide, NobodySignsForTheZeroAccount) {
    const GridChain chain;
    const PalletValue twin{.value = chain.at(twin_key(5)),
                           .pallet_version = chain.at(twin_pallet_version_key())};
    const auto account = account_of(5, twin, {});
    ASSERT_FALSE(account);
    EXPECT_EQ(account.error().reason, Reason::ZeroAccount);

    // The forgery that other libraries accept.
    const auto vectors = test::load_vectors("grid/sr25519.json");
    const auto& forgery = test::array_at(vectors, "vectors").back();
    ASSERT_EQ(text_at(forgery, "name"), "policy/identity_public_key_forgery");
    GridToken token{
        .twin = 5,
        .names = {"zeroacct"},
        .audience = {},
        .issued_at = {},
        .expires_at = {},
        .key_type = crypto::KeyType::Sr25519,
        .signature = test::bytes_at<64>(forgery, "signature"),
        .signing_input = Secret(std::string(as_text(test::hex_at(forgery, "message"))))};
    EXPECT_FALSE(is_signed_by(token, Account{}));
    EXPECT_EQ(decide(token, "zeroacct", chain.values(5, "zeroacct"), {}).reason,
              Reason::ZeroAccount);
}

TEST(Decide, ReCheckNoticesAnotherAccount) {
    const auto twin = [](const GridChain& chain) {
        return PalletValue{.value = chain.at(twin_key(1)),
                           .pallet_version = chain.at(twin_pallet_version_key())};
    };
    const auto signer = account_of(1, twin(GridChain()), {}).value().value;
    EXPECT_EQ(decide_account(1, signer, twin(GridChain()), {}).reason, Reason::Allowed);
    EXPECT_EQ(decide_account(1, signer, twin(chain_after("twin_transferred")), {}).reason,
              Reason::AccountChanged);
    EXPECT_EQ(decide_account(2, signer, twin(GridChain()), {}).reason, Reason::StoredTwinDiffers);
}

TEST(Decide, BlockIsOfNow) {
    using std::chrono::milliseconds;
    const auto at = [](std::string_view hex, milliseconds later) {
        return decide_block(crypto::from_hex(hex).value(), kGridNow + later,
                            std::chrono::seconds(120))
            .reason;
    };
    const auto* const made = "f03ae6cf8b010000";  // 1700000054000: six seconds before
    EXPECT_EQ(at(made, milliseconds(114'000)), Reason::Allowed);
    EXPECT_EQ(at(made, milliseconds(114'001)), Reason::BlockStale);
    EXPECT_EQ(at(made, milliseconds(-126'000)), Reason::Allowed);
    EXPECT_EQ(at(made, milliseconds(-126'001)), Reason::BlockStale);
    for (const auto* const hex : {"", "f03ae6cf8b0100", "f03ae6cf8b01000000", "ffffffffffffffff"}) {
        EXPECT_EQ(at(hex, milliseconds(0)), Reason::BlockTimeUnreadable) << hex;
    }
    EXPECT_EQ(decide_block({}, kGridNow, std::chrono::seconds(120)).reason,
              Reason::BlockTimeUnreadable);
}

TEST(Decide, ReasonsAreInTheirGroups) {
    EXPECT_EQ(answer_of(Reason::Allowed), Answer::Allowed);
    for (int i = static_cast<int>(Reason::NoSuchTwin); i <= static_cast<int>(Reason::InGracePeriod);
         ++i) {
        EXPECT_EQ(answer_of(static_cast<Reason>(i)), Answer::NotAllowed);
    }
    for (int i = static_cast<int>(Reason::NoPallet); i <= static_cast<int>(Reason::BlockStale);
         ++i) {
        EXPECT_EQ(answer_of(static_cast<Reason>(i)), Answer::CannotDecide);
    }
}

}  // namespace
}  // namespace diglett::auth::grid
