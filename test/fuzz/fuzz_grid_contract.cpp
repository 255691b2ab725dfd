// Any bytes are a contract, to their last one, or none; and only a name contract of that very name,
// twin and id, that has not ended, allows anything.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "auth/grid/contract.hpp"
#include "auth/grid/decide.hpp"
#include "base/assert.hpp"

namespace {

using namespace diglett;
using namespace diglett::auth::grid;

void check_exact(ByteView value) {
    DIGLETT_ASSERT(!decode_contract(value.first(value.size() - 1)));
    ByteVector longer(value.begin(), value.end());
    longer.push_back(std::byte{0});
    DIGLETT_ASSERT(!decode_contract(longer));
}

void check_decision(const PalletValue& stored, const Contract& contract, const Rules& rules) {
    const auto reason =
        decide_name(contract.twin, contract.name, contract.id, stored, rules).reason;
    const bool lives = contract.state == ContractState::Created ||
                       (contract.state == ContractState::GracePeriod && !rules.strict);
    DIGLETT_ASSERT((reason == Reason::Allowed) == (contract.kind == ContractKind::Name && lives));
    const auto answer = [&](std::uint32_t twin, std::string_view name, std::uint64_t id) {
        return decide_name(twin, name, id, stored, rules).answer();
    };
    DIGLETT_ASSERT(answer(contract.twin + 1, contract.name, contract.id) == Answer::NotAllowed);
    DIGLETT_ASSERT(answer(contract.twin, contract.name + "x", contract.id) == Answer::NotAllowed);
    DIGLETT_ASSERT(answer(contract.twin, contract.name, contract.id + 1) == Answer::CannotDecide);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto value = std::as_bytes(std::span(data, size));
    DIGLETT_ASSERT(decode_contract_id(value).has_value() == (size == 8));

    const PalletValue stored{.value = ByteVector(value.begin(), value.end()),
                             .pallet_version = ByteVector{std::byte{kKnownContractPalletVersion}}};
    const auto contract = decode_contract(value);
    if (!contract) {
        DIGLETT_ASSERT(decide_name(1, "example", 11, stored, Rules{}).reason ==
                       Reason::ContractUnreadable);
        return 0;
    }
    DIGLETT_ASSERT(contract->name.size() <= 64);
    check_exact(value);
    check_decision(stored, *contract, Rules{});
    check_decision(stored, *contract, Rules{.strict = true});
    return 0;
}
