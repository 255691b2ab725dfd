#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace diglett::auth::grid {

/// The value's `version` that the chain writes today; older ones have the same layout.
inline constexpr std::uint32_t kKnownContractVersion = 4;

enum class ContractState { Created, Deleted, GracePeriod };
enum class ContractKind { Node, Name, Rent };

/// A contract on the chain, in the layout since runtime spec 105.
struct Contract {
    std::uint32_t version = 0;
    ContractState state = ContractState::Created;
    std::uint64_t id = 0;
    std::uint32_t twin = 0;
    ContractKind kind = ContractKind::Node;
    std::string name;  ///< Of a name contract; otherwise empty.
    friend bool operator==(const Contract&, const Contract&) = default;
};

/// Decodes a value of SmartContractModule.Contracts. Nothing when it is not exactly one. The kinds
/// that are not asked for are decoded to their last byte, too: when a release shifts the order of
/// variants, the answer must be "not understood", not "no name contract".
[[nodiscard]] std::optional<Contract> decode_contract(ByteView value);

/// Decodes a value of SmartContractModule.ContractIDByNameRegistration; 0 is "not registered".
/// Nothing when it is not exactly one.
[[nodiscard]] std::optional<std::uint64_t> decode_contract_id(ByteView value);

}  // namespace diglett::auth::grid
