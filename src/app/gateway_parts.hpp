#pragma once

#include <memory>

#include "app/gateway_config.hpp"
#include "app/grid_thread.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/state_dir.hpp"
#include "gateway/gateway.hpp"

namespace diglett::app {

/// A gateway's plug points with what they need. The gateway goes first.
struct GatewayParts {
    std::unique_ptr<GridThread> grid;  ///< With --auth grid; stopped before the gateway goes.
    gateway::Gateway::Parts parts;
};

/// Reads what the configuration names and chooses the implementations of the plug points.
/// @param state null: memory only. @return UnreadableFile, InvalidConfig, WeakFileMode,
/// CorruptState, StateDirLocked, DiskFull.
[[nodiscard]] Result<GatewayParts> build_gateway_parts(const GatewayConfig& config,
                                                       const GatewayPlan& plan,
                                                       const StateDir* state, const Logger& logger);

/// For `check`: reads the files that the configuration names, without touching the state, and asks
/// the chain's nodes, printing what it found, unless told to stay offline.
[[nodiscard]] Status check_gateway_parts(const GatewayConfig& config, const GatewayPlan& plan,
                                         const Logger& logger);

}  // namespace diglett::app
