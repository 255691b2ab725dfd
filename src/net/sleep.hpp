#pragma once

#include "base/clock.hpp"
#include "net/async.hpp"

namespace diglett::net {

/// @return true at `when`, false when the task was cancelled before.
[[nodiscard]] Awaitable<bool> sleep_until(TimePoint when);

}  // namespace diglett::net
