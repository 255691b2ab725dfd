#pragma once

#include "app/gateway_grid_config.hpp"
#include "base/log.hpp"

namespace diglett::app {

/// For `check`: asks every endpoint and prints what it found, each problem with its mend.
/// @return InvalidConfig when none is usable; UnreadableFile.
[[nodiscard]] Status check_grid_endpoints(const GatewayGridPlan& plan, const Logger& logger);

}  // namespace diglett::app
