#include "auth/grid/contract.hpp"

#include "auth/grid/limits.hpp"
#include "auth/grid/scale.hpp"

namespace diglett::auth::grid {

namespace {

template <class T>
void skip(const T&) {}

ContractState read_state(ScaleReader& reader) {
    switch (reader.variant(3)) {
        case 0:
            return ContractState::Created;
        case 1:
            skip(reader.variant(3));  // by the user, out of funds, by the collective
            return ContractState::Deleted;
        default:
            skip(reader.number<std::uint64_t>());  // the block in which it began
            return ContractState::GracePeriod;
    }
}

void skip_node_contract(ScaleReader& reader) {
    skip(reader.number<std::uint32_t>());  // node
    skip(reader.fixed<32>());              // hash of the deployment
    skip(reader.bytes(kMaxDeploymentDataBytes));
    skip(reader.number<std::uint32_t>());  // how many public addresses
    for (auto left = reader.compact(); left > 0 && reader.ok(); --left) {
        skip(reader.bytes());                  // address
        skip(reader.bytes());                  // its router
        skip(reader.number<std::uint64_t>());  // contract
    }
}

void read_kind(ScaleReader& reader, Contract& contract) {
    switch (reader.variant(3)) {
        case 0:
            contract.kind = ContractKind::Node;
            return skip_node_contract(reader);
        case 1:
            contract.kind = ContractKind::Name;
            contract.name = as_text(reader.bytes(kMaxContractNameBytes));
            return;
        default:
            contract.kind = ContractKind::Rent;
            return skip(reader.number<std::uint32_t>());  // node
    }
}

}  // namespace

std::optional<Contract> decode_contract(ByteView value) {
    ScaleReader reader(value);
    Contract contract;
    contract.version = reader.number<std::uint32_t>();
    contract.state = read_state(reader);
    contract.id = reader.number<std::uint64_t>();
    contract.twin = reader.number<std::uint32_t>();
    read_kind(reader, contract);
    if (reader.is_some()) {
        skip(reader.number<std::uint64_t>());  // solution provider
    }
    return reader.finished() ? std::optional(std::move(contract)) : std::nullopt;
}

std::optional<std::uint64_t> decode_contract_id(ByteView value) {
    ScaleReader reader(value);
    const auto id = reader.number<std::uint64_t>();
    return reader.finished() ? std::optional(id) : std::nullopt;
}

}  // namespace diglett::auth::grid
