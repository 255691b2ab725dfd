#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "routing/lease.hpp"

namespace diglett::routing {

/// What a lease file holds. JSON: `version` 1, `clean`, `last_generation`, and `leases`, an array
/// of `name`, `identity`, `generation`, `port`, `last_used` (seconds since 1970).
struct StoredLeases {
    Leases leases;  ///< None of them held.
    std::uint64_t last_generation = 0;
    bool clean = false;  ///< The gateway ended in order after it was written.
};

/// The text of a lease file; leases that are not reserved are left out.
[[nodiscard]] std::string encode_leases(const Leases& leases, std::uint64_t last_generation,
                                        bool clean);

/// @return CorruptState, saying what is wrong, for anything that encode_leases does not write.
[[nodiscard]] Result<StoredLeases> decode_leases(std::string_view text);

}  // namespace diglett::routing
