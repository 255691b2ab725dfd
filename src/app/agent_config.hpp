#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/gateway_trust.hpp"
#include "agent/service.hpp"
#include "app/agent_grid.hpp"
#include "app/settings.hpp"
#include "net/endpoint.hpp"

namespace diglett::app {

/// The agent's settings as the user wrote them; docs/operations.md explains each.
struct AgentConfig {
    std::string gateway;
    std::string name;
    std::string backend;
    std::string kind = "http";
    std::string token;
    std::string token_file;
    AgentGridConfig grid;
    std::vector<std::string> pins;
    std::string ca;
    bool tofu = false;
    std::uint32_t protocol = 2;
    bool once = false;
    bool takeover = false;
    std::string state_dir;

    /// Binds the members to `settings`; both live until settings.load() has returned.
    void declare(Settings& settings);
};

/// The same, understood. A service without a name still needs one (derived_name).
struct AgentPlan {
    net::Endpoint gateway;
    std::vector<agent::Service> services;
    agent::TrustOptions trust;
    std::optional<GridMint> grid;  ///< In place of token and token file.
};

/// @param services the [[service]] tables of the file; not used when the command line gives a
/// backend. @return InvalidUsage or InvalidConfig naming what is wrong.
[[nodiscard]] Result<AgentPlan> plan_agent(const AgentConfig& config,
                                           const std::vector<ConfigTable>& services);

/// Eight letters that are the same again for the same identity and backend.
[[nodiscard]] std::string derived_name(std::string_view identity, std::string_view backend);

}  // namespace diglett::app
