#include "app/helper_port_config.hpp"

#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "app/duration.hpp"
#include "base/escape.hpp"
#include "net/port_number.hpp"

namespace diglett::app {

namespace {

Result<std::pair<std::uint16_t, std::uint16_t>> range_from(std::string_view text) {
    const auto dash = text.find('-');
    if (dash != std::string_view::npos) {
        const auto low = net::parse_port(text.substr(0, dash));
        const auto high = net::parse_port(text.substr(dash + 1));
        if (low && high && *low <= *high) {
            return std::pair{*low, *high};
        }
    }
    return fail(Errc::InvalidConfig,
                fmt::format("'{}' is no range of ports, such as 10000-19999", escape(text)));
}

Status check_range(const std::string& text) {
    const auto parsed = range_from(text);
    return parsed ? Status{} : forward_error(parsed);
}

Status check_rest(const std::string& text) {
    const auto parsed = parse_duration("duration", text);
    return parsed ? Status{} : forward_error(parsed);
}

}  // namespace

void HelperPortConfig::declare(Settings& settings) {
    settings.text("--helper-ports", range, "Ports on 127.0.0.1 that lead to names, LOW-HIGH");
    settings.text("--helper-port-rest", rest, "Time before a name's port goes to another name");
    settings.require("helper-ports", check_range);
    settings.require("helper-port-rest", check_rest);
}

Result<HelperPortPlan> HelperPortConfig::plan() const {
    const auto ports = range_from(range);
    if (!ports) {
        return fail(ports.error().code, "--helper-ports: " + ports.error().text);
    }
    const auto pause = parse_duration("--helper-port-rest", rest);
    if (!pause) {
        return forward_error(pause);
    }
    return HelperPortPlan{.low = ports->first, .high = ports->second, .rest = *pause};
}

bool overlaps_ephemeral_ports(const HelperPortPlan& ports) {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    unsigned low = 0;
    unsigned high = 0;
    return file >> low >> high && ports.low <= high && ports.high >= low;
}

}  // namespace diglett::app
