#include "auth/grid/decide.hpp"

#include <algorithm>
#include <utility>

#include "auth/grid/contract.hpp"
#include "auth/grid/limits.hpp"
#include "auth/grid/name.hpp"
#include "auth/grid/scale.hpp"

namespace diglett::auth::grid {

namespace {

std::unexpected<Decision> stop(Reason reason, std::vector<Warning> warnings = {}) {
    return std::unexpected(Decision{.reason = reason, .warnings = std::move(warnings)});
}

/// Notes a version that is not known.
Reason note(Warning warning, const Rules& rules, std::vector<Warning>& warnings) {
    if (rules.unknown_version == UnknownVersion::Refuse) {
        return Reason::UnknownVersion;
    }
    warnings.push_back(warning);
    return Reason::Allowed;
}

/// Judges a pallet's version, before its value is looked at.
Reason check_pallet(Warning::Of of, const PalletValue& at, const Rules& rules,
                    std::vector<Warning>& warnings) {
    if (!at.pallet_version) {
        // A pallet that was renamed reads as null everywhere, which must not look like a no.
        return at.value ? note({.of = of, .found = {}}, rules, warnings) : Reason::NoPallet;
    }
    if (at.pallet_version->size() != 1) {
        return Reason::PalletVersionUnreadable;
    }
    const auto found = std::to_integer<std::uint8_t>(at.pallet_version->front());
    const auto known =
        of == Warning::Of::TwinPallet ? kKnownTwinPalletVersion : kKnownContractPalletVersion;
    return found > known ? note({.of = of, .found = found}, rules, warnings) : Reason::Allowed;
}

/// What a contract is expected to be.
struct Claim {
    std::uint32_t twin;
    std::string_view name;
    std::uint64_t id;
};

Reason judge(const Contract& contract, const Claim& claim, const Rules& rules) {
    if (contract.kind != ContractKind::Name) {
        return Reason::NotANameContract;
    }
    if (contract.name != claim.name) {
        return Reason::OtherName;
    }
    if (contract.twin != claim.twin) {
        return Reason::OtherTwin;
    }
    if (contract.state == ContractState::Deleted) {
        return Reason::ContractDeleted;
    }
    const bool in_grace = contract.state == ContractState::GracePeriod;
    return in_grace && rules.strict ? Reason::InGracePeriod : Reason::Allowed;
}

Reason judge_value(ByteView value, const Claim& claim, const Rules& rules,
                   std::vector<Warning>& warnings) {
    const auto contract = decode_contract(value);
    if (!contract) {
        return Reason::ContractUnreadable;
    }
    if (contract->id != claim.id) {
        return Reason::StoredContractDiffers;
    }
    if (contract->version > kKnownContractVersion) {
        const Warning newer{.of = Warning::Of::Contract, .found = contract->version};
        if (const auto noted = note(newer, rules, warnings); noted != Reason::Allowed) {
            return noted;
        }
    }
    return judge(*contract, claim, rules);
}

}  // namespace

Lookup<Account> account_of(std::uint32_t id, const PalletValue& twin, const Rules& rules) {
    std::vector<Warning> warnings;
    const auto pallet = check_pallet(Warning::Of::TwinPallet, twin, rules, warnings);
    if (pallet != Reason::Allowed) {
        return stop(pallet);
    }
    if (!twin.value) {
        return stop(Reason::NoSuchTwin, std::move(warnings));
    }
    const auto stored = decode_twin(*twin.value);
    if (!stored) {
        return stop(Reason::TwinUnreadable, std::move(warnings));
    }
    if (stored->id != id) {
        return stop(Reason::StoredTwinDiffers, std::move(warnings));
    }
    if (stored->account == Account{}) {
        return stop(Reason::ZeroAccount, std::move(warnings));
    }
    return Found<Account>{.value = stored->account, .warnings = std::move(warnings)};
}

Lookup<std::uint64_t> contract_id_of(const PalletValue& registration, const Rules& rules) {
    std::vector<Warning> warnings;
    const auto pallet = check_pallet(Warning::Of::ContractPallet, registration, rules, warnings);
    if (pallet != Reason::Allowed) {
        return stop(pallet);
    }
    if (!registration.value) {
        return stop(Reason::NotRegistered, std::move(warnings));
    }
    const auto id = decode_contract_id(*registration.value);
    if (!id) {
        return stop(Reason::RegistrationUnreadable, std::move(warnings));
    }
    if (*id == 0) {
        return stop(Reason::NotRegistered, std::move(warnings));
    }
    return Found<std::uint64_t>{.value = *id, .warnings = std::move(warnings)};
}

Decision decide_account(std::uint32_t id, const Account& signer, const PalletValue& twin,
                        const Rules& rules) {
    auto account = account_of(id, twin, rules);
    if (!account) {
        return std::move(account.error());
    }
    return {.reason = account->value == signer ? Reason::Allowed : Reason::AccountChanged,
            .warnings = std::move(account->warnings)};
}

Reason check_name(const GridToken& token, std::string_view name) {
    if (std::ranges::find(token.names, name) == token.names.end()) {
        return Reason::NameNotInToken;
    }
    return is_host_label(name) ? Reason::Allowed : Reason::NameNotUsable;
}

Decision decide_name(std::uint32_t twin, std::string_view name, std::uint64_t id,
                     const PalletValue& contract, const Rules& rules) {
    Decision decision;
    decision.reason = check_pallet(Warning::Of::ContractPallet, contract, rules, decision.warnings);
    if (decision.reason == Reason::Allowed) {
        decision.reason = contract.value
                              ? judge_value(*contract.value, {.twin = twin, .name = name, .id = id},
                                            rules, decision.warnings)
                              : Reason::ContractMissing;
    }
    return decision;
}

Decision decide_block(const StorageValue& timestamp,
                      std::chrono::sys_time<std::chrono::milliseconds> now,
                      std::chrono::seconds allowance) {
    if (!timestamp) {
        return {.reason = Reason::BlockTimeUnreadable, .warnings = {}};
    }
    ScaleReader reader(*timestamp);
    const auto milliseconds = reader.number<std::uint64_t>();
    if (!reader.finished() || milliseconds > kMaxTimeMilliseconds) {
        return {.reason = Reason::BlockTimeUnreadable, .warnings = {}};
    }
    const std::chrono::sys_time<std::chrono::milliseconds> made{
        std::chrono::milliseconds(milliseconds)};
    const auto apart = made > now ? made - now : now - made;
    return {.reason = apart > allowance ? Reason::BlockStale : Reason::Allowed, .warnings = {}};
}

}  // namespace diglett::auth::grid
