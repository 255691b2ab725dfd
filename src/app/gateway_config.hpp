#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/gateway_grid_config.hpp"
#include "app/gateway_traefik_config.hpp"
#include "app/helper_port_config.hpp"
#include "app/settings.hpp"
#include "gateway/gateway.hpp"

namespace diglett::app {

/// The gateway's settings as the operator wrote them; docs/operations.md explains each.
struct GatewayConfig {
    std::string listen = "0.0.0.0:20000";
    std::vector<std::string> auth;  ///< Empty: loopback.
    std::string tokens_file;
    bool accept_v1 = false;
    std::uint32_t workers = 0;  ///< 0: as many as cores.
    std::string drain_timeout = "30s";
    std::string state_dir;
    std::string identity_cert;
    std::vector<std::string> allow_names;
    bool reset_leases = false;
    std::string grace = "60s";
    HelperPortConfig helper_ports;
    GatewayGridConfig grid;
    GatewayTraefikConfig traefik;
    bool is_offline = false;  ///< `check` asks nobody.

    /// Binds the members to `settings`; both live until settings.load() has returned.
    void declare(Settings& settings);
};

/// The same, understood.
struct GatewayPlan {
    net::Endpoint listen;
    std::vector<std::string> auth;
    std::size_t workers;
    std::chrono::milliseconds drain_timeout;
    std::chrono::milliseconds grace;
    HelperPortPlan helper_ports;
    std::optional<GatewayGridPlan> grid;
    std::optional<GatewayTraefikPlan> traefik;
};

/// @return InvalidUsage or InvalidConfig naming what is wrong.
[[nodiscard]] Result<GatewayPlan> plan_gateway(const GatewayConfig& config);

}  // namespace diglett::app
