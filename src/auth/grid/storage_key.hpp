#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"

/// Where ThreeFold's chain keeps what decides about a name. A key is twox128 of the pallet's name,
/// twox128 of the item's, and for a map (hasher Blake2_128Concat, in the metadata of runtime specs
/// 125, 149 and 152) BLAKE2b of 16 bytes over the argument and the argument itself, in SCALE.
namespace diglett::auth::grid {

/// TfgridModule.Twins, a map from u32; an item may be absent.
[[nodiscard]] ByteVector twin_key(std::uint32_t twin);

/// SmartContractModule.ContractIDByNameRegistration, a map from bytes; absent is 0, not registered.
/// @pre `name` is shorter than 2^14 bytes; the chain's names have at most 64.
[[nodiscard]] ByteVector name_registration_key(std::string_view name);

/// SmartContractModule.Contracts, a map from u64; an item may be absent.
[[nodiscard]] ByteVector contract_key(std::uint64_t contract);

/// TfgridModule.PalletVersion and SmartContractModule.PalletVersion, one byte.
[[nodiscard]] ByteVector twin_pallet_version_key();
[[nodiscard]] ByteVector contract_pallet_version_key();

/// Timestamp.Now, u64 milliseconds since 1970: when the block was made.
[[nodiscard]] ByteVector timestamp_key();

/// The key of the item for `argument`, in SCALE, of the map whose two names hash to `prefix`.
[[nodiscard]] ByteVector map_key(ByteView prefix, ByteView argument);

}  // namespace diglett::auth::grid
