#pragma once

#include "app/gateway_grid_config.hpp"
#include "base/log.hpp"

namespace diglett::app {

/// For `check --offline`: whether the authorities of the chain's nodes can be loaded.
/// @return UnreadableFile, InvalidConfig.
[[nodiscard]] Status check_grid_authorities(const GatewayGridPlan& plan);

/// For `check`: asks every endpoint and prints what it found, each problem with its mend.
/// @return InvalidConfig when none is usable; UnreadableFile.
[[nodiscard]] Status check_grid_endpoints(const GatewayGridPlan& plan, const Logger& logger);

}  // namespace diglett::app
