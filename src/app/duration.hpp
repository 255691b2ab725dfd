#pragma once

#include <chrono>
#include <string_view>

#include "base/result.hpp"

namespace diglett::app {

/// Reads "500ms", "30s", "10m", "24h" (a whole number and a unit). @return InvalidConfig naming
/// `key` for anything else, and for more than a year.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view key,
                                                               std::string_view text);

}  // namespace diglett::app
