#include "app/gateway_grid_config.hpp"

#include <utility>

#include <fmt/format.h>

#include "app/duration.hpp"

namespace diglett::app {

namespace {

Status check_endpoint(const std::string& text) {
    const auto parsed = auth::grid::parse_node_url(text);
    return parsed ? Status{} : fail(Errc::InvalidConfig, parsed.error().text);
}

Status check_duration(const std::string& text) {
    const auto parsed = parse_duration("duration", text);
    return parsed ? Status{} : forward_error(parsed);
}

/// One of two words.
std::function<Status(const std::string&)> either(std::string one, std::string other) {
    return [one = std::move(one), other = std::move(other)](const std::string& text) {
        return text == one || text == other
                   ? Status{}
                   : fail(Errc::InvalidConfig, fmt::format("takes {} or {}", one, other));
    };
}

}  // namespace

void GatewayGridConfig::declare(Settings& settings) {
    settings.list("--grid-endpoints", endpoints,
                  "Nodes of the chain, ws, wss, http or https, asked in this order (repeatable)");
    settings.text("--grid-ca-file", ca_file, "Certificates (PEM) that vouch for these nodes");
    settings.list("--grid-audience", audiences,
                  "Host name that tokens are for; left out: the domains (repeatable)");
    settings.flag("--grid-strict", strict, "A contract in its grace period gives no name");
    settings.text("--grid-max-lifetime", max_lifetime, "Longest lifetime of a token");
    settings.text("--grid-read", read, "Block that counts: finalized or best");
    settings.text("--grid-recheck", recheck, "Time between two looks at a live name's contract");
    settings.text("--grid-unknown-version", unknown_version,
                  "A chain newer than this program: warn or refuse");
    settings.flag("--grid-allow-v1", allow_v1, "Take grid tokens over protocol 1, too");
    settings.require("grid-endpoints", check_endpoint);
    settings.require("grid-max-lifetime", check_duration);
    settings.require("grid-recheck", check_duration);
    settings.require("grid-read", either("finalized", "best"));
    settings.require("grid-unknown-version", either("warn", "refuse"));
}

Result<GatewayGridPlan> GatewayGridConfig::plan(const std::vector<std::string>& domains) const {
    if (endpoints.empty()) {
        return fail(Errc::InvalidConfig,
                    "--auth grid needs a node of the chain: --grid-endpoints wss://...");
    }
    GatewayGridPlan plan;
    for (const auto& text : endpoints) {
        auto url = auth::grid::parse_node_url(text);
        if (!url) {
            return fail(Errc::InvalidConfig, "--grid-endpoints: " + url.error().text);
        }
        plan.chain.endpoints.push_back(std::move(*url));
    }
    plan.chain.ca_file = ca_file;
    plan.chain.read_best = read == "best";
    const auto lifetime = parse_duration("--grid-max-lifetime", max_lifetime);
    const auto pause = parse_duration("--grid-recheck", recheck);
    if (!lifetime || !pause) {
        return forward_error(lifetime ? pause : lifetime);
    }
    plan.grid.token.audiences = audiences.empty() ? domains : audiences;
    plan.grid.token.max_lifetime = std::chrono::floor<std::chrono::seconds>(*lifetime);
    plan.grid.rules.strict = strict;
    plan.grid.rules.unknown_version = unknown_version == "refuse"
                                          ? auth::grid::UnknownVersion::Refuse
                                          : auth::grid::UnknownVersion::Warn;
    plan.grid.recheck = *pause;
    plan.grid.allow_v1 = allow_v1;
    if (const auto valid = plan.grid.validate(); !valid) {
        return forward_error(valid);
    }
    return plan;
}

Status GatewayGridConfig::check_unused() const {
    return *this == GatewayGridConfig{}
               ? Status{}
               : fail(Errc::InvalidConfig, "table [grid] is used only with --auth grid");
}

}  // namespace diglett::app
