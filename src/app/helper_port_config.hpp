#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "app/settings.hpp"

namespace diglett::app {

/// The ports on 127.0.0.1 that lead to names.
struct HelperPortPlan {
    std::uint16_t low;
    std::uint16_t high;
    std::chrono::milliseconds rest;  ///< Before a port goes to another name.
};

struct HelperPortConfig {
    std::string range = "10000-19999";
    std::string rest = "10m";

    void declare(Settings& settings);

    /// @return InvalidConfig.
    [[nodiscard]] Result<HelperPortPlan> plan() const;
};

/// Whether the kernel gives ports of this range to outgoing connections, which then cannot be bound
/// (/proc/sys/net/ipv4/ip_local_port_range).
[[nodiscard]] bool overlaps_ephemeral_ports(const HelperPortPlan& ports);

}  // namespace diglett::app
