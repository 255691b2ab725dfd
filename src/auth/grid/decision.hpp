#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace diglett::auth::grid {

/// What the chain's values say. "The chain said no" and "the answer was not understood" are never
/// the same: only a no ends a live session.
enum class Answer { Allowed, NotAllowed, CannotDecide };

/// Why; the first group allows, the second is a no, the third is no answer.
enum class Reason {
    Allowed,

    NoSuchTwin,        ///< No twin has the id.
    ZeroAccount,       ///< The twin's account is all zero: anybody could sign for it.
    SignatureWrong,    ///< The twin's account did not sign the token.
    AccountChanged,    ///< The twin has another account now than the one that signed.
    NameNotInToken,    ///< The token is for other names.
    NameNotUsable,     ///< The chain sells the name, but it is no label of a host name.
    NotRegistered,     ///< No contract for the name.
    ContractMissing,   ///< A contract is registered for the name, but is not there.
    NotANameContract,  ///< It is a contract for something else than a name.
    OtherName,         ///< It is a contract for another name.
    OtherTwin,         ///< Another twin owns it.
    ContractDeleted,   ///< It has ended.
    InGracePeriod,     ///< It is not paid for, and the gateway is strict.

    NoPallet,                 ///< Nothing is stored, but nor is the version of the pallet: renamed?
    PalletVersionUnreadable,  ///< The version of a pallet is not one byte.
    UnknownVersion,          ///< A version is newer than those known, and the gateway refuses such.
    TwinUnreadable,          ///< The twin does not decode exactly.
    StoredTwinDiffers,       ///< The value stored for the twin says another id.
    RegistrationUnreadable,  ///< The contract's id does not decode exactly.
    ContractUnreadable,      ///< The contract does not decode exactly.
    StoredContractDiffers,   ///< The value stored for the contract says another id.
    BlockTimeUnreadable,     ///< The block has no time, or it does not decode exactly.
    BlockStale,              ///< The block's time is too far from ours: the node lags behind.
};

[[nodiscard]] Answer answer_of(Reason reason);

/// A sentence for the agent and the log.
[[nodiscard]] std::string_view words(Reason reason);

/// A version that is newer than those known, or not stored at all. The decision was made all the
/// same, as everything decoded exactly and the cross checks held.
struct Warning {
    enum class Of : std::uint8_t { TwinPallet, ContractPallet, Contract };

    Of of = Of::TwinPallet;
    std::optional<std::uint32_t> found;  ///< Nothing: not stored.
    friend bool operator==(const Warning&, const Warning&) = default;
};

/// For the log, once for each.
[[nodiscard]] std::string words(const Warning& warning);

struct Decision {
    Reason reason = Reason::Allowed;
    std::vector<Warning> warnings;

    [[nodiscard]] Answer answer() const { return answer_of(reason); }

    friend bool operator==(const Decision&, const Decision&) = default;
};

}  // namespace diglett::auth::grid
