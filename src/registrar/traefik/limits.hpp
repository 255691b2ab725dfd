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

/// Claims and removals that wait for the disk, in pieces of work: all 10,000 ports of the default
/// range change their name at once. While a disk hangs, claims beyond it are refused, so that those
/// who try again fill no memory: about 1 KiB each. Removals always wait.
inline constexpr std::size_t kMaxWaitingWork = 20'000;

/// A route's file, in bytes: far more than one with every option has.
inline constexpr std::size_t kMaxFileBytes = 1 << 16;

}  // namespace diglett::registrar::traefik
