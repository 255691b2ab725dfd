#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "base/ids.hpp"

namespace diglett::routing {

/// Leases are dated by the wall clock: they outlive the process and the machine's uptime.
using WallTime = std::chrono::system_clock::time_point;

/// One name's owner.
struct Lease {
    std::string identity;         ///< Stable key, e.g. "tokens:alice".
    Generation generation;        ///< Raised at each claim.
    std::uint16_t last_port = 0;  ///< Helper port it had last; 0: none yet.
    WallTime last_used;           ///< Means nothing while `held`.
    bool held = false;            ///< A live session has it. Not stored.
    bool reserved = true;         ///< Whether it is kept for its owner when nobody holds it.

    friend bool operator==(const Lease&, const Lease&) = default;
};

/// By name. Ordered rather than hashed: names are chosen by outsiders.
using Leases = std::map<std::string, Lease, std::less<>>;

}  // namespace diglett::routing
