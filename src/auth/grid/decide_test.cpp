#include "auth/grid/decide.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/grid/storage_key.hpp"
#include "test/support/grid_chain.hpp"

namespace diglett::auth::grid {
namespace {

using test::GridChain;
using test::kGridNow;
using test::text_at;

constexpr Rules kStrict{.strict = true};
constexpr Rules kKnownOnly{.unknown_version = UnknownVersion::Refuse};

constexpr std::uint32_t kAlice = 1;

PalletValue twin_at(const GridChain& chain, std::uint32_t twin) {
    return {.value = chain.at(twin_key(twin)),
            .pallet_version = chain.at(twin_pallet_version_key())};
}

/// What is found of the account that `twin` has.
Decision twin_decision(const GridChain& chain, std::uint32_t twin, const Rules& rules = {}) {
    const auto account = account_of(twin, twin_at(chain, twin), rules);
    return account ? Decision{.reason = Reason::Allowed, .warnings = account->warnings}
                   : account.error();
}

/// Whether `kAlice` owns `name`.
Decision name_decision(const GridChain& chain, std::string_view name, const Rules& rules = {}) {
    const auto version = chain.at(contract_pallet_version_key());
    const auto id = contract_id_of(
        {.value = chain.at(name_registration_key(name)), .pallet_version = version}, rules);
    if (!id) {
        return id.error();
    }
    const PalletValue contract{.value = chain.at(contract_key(id->value)),
                               .pallet_version = version};
    return decide_name(kAlice, name, id->value, contract, rules);
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
    return name_decision(chain_after(scenario), "example", rules);
}

Decision block_decision(const GridChain& chain) {
    return decide_block(chain.at(timestamp_key()), kGridNow, std::chrono::seconds(120));
}

TEST(Decide, FollowsEachChangeOfState) {
    EXPECT_EQ(test::array_at(GridChain().vectors(), "scenarios").size(), 6U);

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
    EXPECT_EQ(twin_decision(GridChain(), kAlice, kKnownOnly), Decision{});
    EXPECT_EQ(name_decision(GridChain(), "example", kKnownOnly), Decision{});
}

TEST(Decide, NullIsANoOnlyWhereThePalletIs) {
    GridChain renamed;
    renamed.set(twin_pallet_version_key(), std::nullopt);
    renamed.set(contract_pallet_version_key(), std::nullopt);
    for (const auto& there :
         {twin_decision(GridChain(), 404), name_decision(GridChain(), "unknown")}) {
        EXPECT_EQ(there.answer(), Answer::NotAllowed);
    }
    for (const auto& gone : {twin_decision(renamed, 404), name_decision(renamed, "unknown")}) {
        EXPECT_EQ(gone.reason, Reason::NoPallet);
        EXPECT_EQ(gone.answer(), Answer::CannotDecide);
    }

    // What is there and decodes is believed, with a warning.
    for (const auto& there : {twin_decision(renamed, kAlice), name_decision(renamed, "example")}) {
        EXPECT_EQ(there.reason, Reason::Allowed);
        EXPECT_EQ(there.warnings.size(), 1U);
    }
    EXPECT_EQ(twin_decision(renamed, kAlice, kKnownOnly).reason, Reason::UnknownVersion);
    EXPECT_EQ(name_decision(renamed, "example", kKnownOnly).reason, Reason::UnknownVersion);
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
        chain.set(contract_pallet_version_key(), ByteVector(size));
        EXPECT_EQ(twin_decision(chain, kAlice).reason, Reason::PalletVersionUnreadable);
        EXPECT_EQ(name_decision(chain, "example").reason, Reason::PalletVersionUnreadable);
    }
}

TEST(Decide, NewerContractIsAllowedWithAWarning) {
    GridChain chain;
    auto value = chain.at(contract_key(11)).value();
    value[0] = std::byte{5};
    chain.set(contract_key(11), value);
    const auto newer = name_decision(chain, "example");
    EXPECT_EQ(newer.reason, Reason::Allowed);
    EXPECT_THAT(newer.warnings,
                testing::ElementsAre(Warning{.of = Warning::Of::Contract, .found = 5U}));
    EXPECT_EQ(words(newer.warnings.front()),
              "a name contract's value has version 5, which is newer than those known");
    EXPECT_EQ(name_decision(chain, "example", kKnownOnly).reason, Reason::UnknownVersion);
}

TEST(Decide, NobodySignsForTheZeroAccount) {
    EXPECT_EQ(twin_decision(GridChain(), 5).reason, Reason::ZeroAccount);

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
}

TEST(Decide, ReCheckNoticesAnotherAccount) {
    const auto twin = [](const GridChain& chain) { return twin_at(chain, kAlice); };
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
