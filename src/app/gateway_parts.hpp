#pragma once

#include "app/gateway_config.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/state_dir.hpp"
#include "gateway/gateway.hpp"

namespace diglett::app {

/// Reads what the configuration names and chooses the implementations of the plug points.
/// @param state null: memory only. @return UnreadableFile, InvalidConfig, WeakFileMode,
/// CorruptState.
[[nodiscard]] Result<gateway::Gateway::Parts> build_gateway_parts(const GatewayConfig& config,
                                                                  const GatewayPlan& plan,
                                                                  const StateDir* state,
                                                                  const Logger& logger);

/// For `check`: reads the files that the configuration names, without touching the state, and asks
/// the chain's nodes, printing what it found, unless told to stay offline.
[[nodiscard]] Status check_gateway_parts(const GatewayConfig& config, const GatewayPlan& plan,
                                         const Logger& logger);

}  // namespace diglett::app
