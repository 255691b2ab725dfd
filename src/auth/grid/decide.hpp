#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "auth/grid/decision.hpp"
#include "auth/grid/token.hpp"
#include "auth/grid/twin.hpp"
#include "base/bytes.hpp"

/// Decisions from values that were fetched already, all at one block. No network, no clock.
namespace diglett::auth::grid {

/// What is stored under a key; nothing: the node said null.
using StorageValue = std::optional<ByteVector>;

/// The pallets' own versions whose layouts are known: V17Struct and V12 (tfchain, runtime specs 152
/// to 157). Older ones have the same layouts back to spec 124.
inline constexpr std::uint8_t kKnownTwinPalletVersion = 0x10;
inline constexpr std::uint8_t kKnownContractPalletVersion = 0x0b;

/// What to do about versions newer than the known ones.
enum class UnknownVersion { Warn, Refuse };

struct Rules {
    bool strict = false;  ///< A contract in its grace period does not count as owned.
    UnknownVersion unknown_version = UnknownVersion::Warn;
};

/// A value and the version of its pallet at the same block (storage_key.hpp).
struct PalletValue {
    StorageValue value;
    StorageValue pallet_version;
};

template <class T>
struct Found {
    T value;
    std::vector<Warning> warnings;
};

/// What was found, or the decision that there is nothing usable.
template <class T>
using Lookup = std::expected<Found<T>, Decision>;

/// The account of twin `id`.
/// @return NoSuchTwin, ZeroAccount, or a reason why that cannot be known.
[[nodiscard]] Lookup<Account> account_of(std::uint32_t id, const PalletValue& twin,
                                         const Rules& rules);

/// The id of the contract that is registered for a name, which says where the contract is stored.
/// @return NotRegistered, or a reason why that cannot be known.
[[nodiscard]] Lookup<std::uint64_t> contract_id_of(const PalletValue& registration,
                                                   const Rules& rules);

/// Has twin `id` still the account that signed? For the re-checks of a session.
[[nodiscard]] Decision decide_account(std::uint32_t id, const Account& signer,
                                      const PalletValue& twin, const Rules& rules);

/// May `token` be used for `name`, as far as can be said without the chain? Allowed,
/// NameNotInToken or NameNotUsable.
[[nodiscard]] Reason check_name(const GridToken& token, std::string_view name);

/// Does `twin` own `name` by the contract stored for `id`, which contract_id_of() gave?
[[nodiscard]] Decision decide_name(std::uint32_t twin, std::string_view name, std::uint64_t id,
                                   const PalletValue& contract, const Rules& rules);

/// Is a block with the time `timestamp` (Timestamp.Now) of now, give or take `allowance`?
[[nodiscard]] Decision decide_block(const StorageValue& timestamp,
                                    std::chrono::sys_time<std::chrono::milliseconds> now,
                                    std::chrono::seconds allowance);

}  // namespace diglett::auth::grid
