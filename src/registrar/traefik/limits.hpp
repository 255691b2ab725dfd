#pragma once

#include <chrono>
#include <cstddef>

/// Every bound of the directory of routes: name, unit, reason.
namespace diglett::registrar::traefik {

/// Between two looks at the directory and two tries of what failed.
inline constexpr std::chrono::seconds kTick{1};

/// Between two lines of the log about what the disk refuses, however many names it is about.
inline constexpr std::chrono::seconds kComplaintPause{30};

/// After a directory was made anew; who made it sees what is said then.
inline constexpr std::chrono::minutes kTellTime{1};

/// A route's file, in bytes: far more than one with every option has.
inline constexpr std::size_t kMaxFileBytes = 1 << 16;

}  // namespace diglett::registrar::traefik
