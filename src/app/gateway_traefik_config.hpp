#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.hpp"
#include "registrar/traefik/options.hpp"

namespace diglett::app {

/// What names are published in Traefik by.
struct GatewayTraefikPlan {
    std::filesystem::path directory;
    registrar::traefik::Options options;
    bool is_optional = false;  ///< A name is registered although Traefik does not have it.
};

/// `--domain` and table [traefik] of the gateway; docs/traefik.md explains each key.
struct GatewayTraefikConfig {
    std::vector<std::string> domains;
    std::string directory;  ///< Empty: no Traefik.
    std::vector<std::string> entry_points{"websecure"};
    bool tls = true;
    std::string cert_resolver;
    std::vector<std::string> tls_domains;
    std::vector<std::string> middlewares;
    std::vector<std::string> passthrough_entry_points;
    std::string termination_delay = "30s";
    std::uint32_t proxy_protocol = 0;
    std::string public_scheme;
    std::uint32_t public_port = 0;
    std::uint32_t passthrough_public_port = 443;
    std::string target = "port";
    bool is_optional = false;

    void declare(Settings& settings);

    /// @return nothing without a directory; InvalidConfig naming the key.
    [[nodiscard]] Result<std::optional<GatewayTraefikPlan>> plan() const;
};

}  // namespace diglett::app
