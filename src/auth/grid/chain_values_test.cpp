// Twins, contracts and registrations as the chain stores them.
#include <gtest/gtest.h>

#include "auth/grid/contract.hpp"
#include "auth/grid/twin.hpp"
#include "test/support/grid_chain.hpp"

namespace diglett::auth::grid {
namespace {

using test::array_at;
using test::number_at;
using test::storage_value;
using test::text_at;

ByteVector value_at(const boost::json::value& vector) {
    return storage_value(vector.at("value")).value();
}

Twin expected_twin(const boost::json::value& decoded) {
    Twin twin{.id = static_cast<std::uint32_t>(number_at(decoded, "id")),
              .account = test::bytes_at<32>(decoded, "account"),
              .relay = {},
              .entities = {},
              .encryption_key = {}};
    if (!decoded.at("relay").is_null()) {
        twin.relay = text_at(decoded, "relay");
    }
    for (const auto& entity : array_at(decoded, "entities")) {
        twin.entities.push_back({.id = static_cast<std::uint32_t>(number_at(entity, "entity_id")),
                                 .signature = test::hex_at(entity, "signature")});
    }
    if (!decoded.at("pk").is_null()) {
        twin.encryption_key = test::hex_at(decoded, "pk");
    }
    return twin;
}

Contract expected_contract(const boost::json::value& decoded) {
    Contract contract{.version = static_cast<std::uint32_t>(number_at(decoded, "version")),
                      .state = ContractState::Created,
                      .id = number_at(decoded, "contract_id"),
                      .twin = static_cast<std::uint32_t>(number_at(decoded, "twin_id")),
                      .kind = ContractKind::Node,
                      .name = {}};
    if (const auto* const state = decoded.at("state").if_object()) {
        contract.state =
            state->contains("Deleted") ? ContractState::Deleted : ContractState::GracePeriod;
        EXPECT_EQ(state->contains("GracePeriod"), contract.state == ContractState::GracePeriod);
    } else {
        EXPECT_EQ(text_at(decoded, "state"), "Created");
    }
    const auto& kind = decoded.at("contract_type").as_object();
    if (const auto* const name = kind.if_contains("NameContract")) {
        contract.kind = ContractKind::Name;
        contract.name = text_at(*name, "name");
    } else if (kind.contains("RentContract")) {
        contract.kind = ContractKind::Rent;
    } else {
        EXPECT_TRUE(kind.contains("NodeContract"));
    }
    return contract;
}

/// No front of a value, and no value with a byte behind it, decodes.
template <class Decode>
void check_exact(const Decode& decode, ByteVector value) {
    for (std::size_t size = 0; size < value.size(); ++size) {
        EXPECT_FALSE(decode(ByteView(value).first(size))) << size;
    }
    value.push_back(std::byte{0});
    EXPECT_FALSE(decode(ByteView(value)));
}

TEST(Twin, DecodesWhatTheChainStoresAndNothingElse) {
    const auto all = test::load_vectors("grid/twin.json");
    ASSERT_EQ(array_at(all, "good").size(), 7U);
    for (const auto& vector : array_at(all, "good")) {
        SCOPED_TRACE(text_at(vector, "name"));
        const auto twin = decode_twin(value_at(vector));
        ASSERT_TRUE(twin);
        EXPECT_EQ(*twin, expected_twin(vector.at("decoded")));
        check_exact(decode_twin, value_at(vector));
    }
    ASSERT_EQ(array_at(all, "malformed").size(), 10U);
    for (const auto& vector : array_at(all, "malformed")) {
        EXPECT_FALSE(decode_twin(value_at(vector))) << text_at(vector, "name");
    }
}

TEST(Contract, DecodesWhatTheChainStoresAndNothingElse) {
    const auto all = test::load_vectors("grid/contract.json");
    ASSERT_EQ(array_at(all, "good").size(), 26U);
    for (const auto& vector : array_at(all, "good")) {
        SCOPED_TRACE(text_at(vector, "name"));
        const auto contract = decode_contract(value_at(vector));
        ASSERT_TRUE(contract);
        EXPECT_EQ(*contract, expected_contract(vector.at("decoded")));
        check_exact(decode_contract, value_at(vector));
    }
    ASSERT_EQ(array_at(all, "malformed").size(), 8U);
    for (const auto& vector : array_at(all, "malformed")) {
        EXPECT_FALSE(decode_contract(value_at(vector))) << text_at(vector, "name");
    }
}

TEST(Contract, RegistrationHoldsItsId) {
    const auto all = test::load_vectors("grid/contract.json");
    ASSERT_EQ(array_at(all, "name_registration_values").size(), 3U);
    for (const auto& vector : array_at(all, "name_registration_values")) {
        const auto id = decode_contract_id(value_at(vector));
        ASSERT_TRUE(id);
        EXPECT_EQ(std::to_string(*id), text_at(vector, "contract_id"));
        check_exact(decode_contract_id, value_at(vector));
    }
}

}  // namespace
}  // namespace diglett::auth::grid
