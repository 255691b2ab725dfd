#pragma once

#include <chrono>
#include <functional>

#include "base/backoff.hpp"
#include "base/clock.hpp"

namespace diglett::auth::grid {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Time and chance, so that tests have them in hand. Deadlines of sockets use the real clock.
struct Clocks {
    std::function<WallTime()> wall;     ///< Dates tokens and blocks.
    std::function<TimePoint()> steady;  ///< Ages caches and pauses.
    RandomUnit random;

    /// Those of the machine.
    [[nodiscard]] static Clocks real();
};

}  // namespace diglett::auth::grid
