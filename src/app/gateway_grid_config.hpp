#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/settings.hpp"
#include "auth/grid/chain/chain_client.hpp"
#include "auth/grid/chain/grid_options.hpp"

namespace diglett::app {

/// What `--auth grid` works by.
struct GatewayGridPlan {
    auth::grid::ChainOptions chain;
    auth::grid::GridOptions grid;
};

/// Table [grid] of the gateway; docs/grid.md explains each key.
struct GatewayGridConfig {
    std::vector<std::string> endpoints;
    std::string ca_file;
    std::vector<std::string> audiences;  ///< Empty: the domains.
    bool strict = false;
    std::string max_lifetime = "24h";
    std::string read = "finalized";
    std::string recheck = "10m";
    std::string unknown_version = "warn";
    bool allow_v1 = false;

    void declare(Settings& settings);

    /// @param domains under which names appear. @return InvalidConfig naming the key.
    [[nodiscard]] Result<GatewayGridPlan> plan(const std::vector<std::string>& domains) const;

    /// @return InvalidConfig when something is set although `--auth grid` is not.
    [[nodiscard]] Status check_unused() const;

    friend bool operator==(const GatewayGridConfig&, const GatewayGridConfig&) = default;
};

}  // namespace diglett::app
