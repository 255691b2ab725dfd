#pragma once

#include <chrono>

namespace diglett {

/// All deadlines use the monotonic clock; the wall clock only dates logs and checks certificates.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// A deadline that never comes.
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace diglett
