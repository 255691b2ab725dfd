#include "app/gateway_config.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "app/duration.hpp"
#include "app/limits.hpp"
#include "base/escape.hpp"

namespace diglett::app {

namespace {

constexpr std::uint16_t kDefaultPort = 20'000;

Result<net::Endpoint> parse_listen(const std::string& text) {
    return net::parse_endpoint(
        text,
        {.host = "0.0.0.0", .port = kDefaultPort, .allow_unix = false, .allow_port_zero = true});
}

Status check_authenticator(const std::string& name) {
    return name == "loopback" || name == "open" || name == "tokens" || name == "grid"
               ? Status{}
               : fail(Errc::InvalidConfig,
                      fmt::format("'{}' is unknown; there are loopback, open, tokens and grid",
                                  escape(name)));
}

Status check_workers(const std::string& text) {
    std::uint32_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && *rest == '\0' && number <= kMaxWorkers
               ? Status{}
               : fail(Errc::InvalidConfig, "takes 0 to 1024");
}

bool uses(const GatewayConfig& config, std::string_view authenticator) {
    return std::ranges::find(config.auth, authenticator) != config.auth.end();
}

Result<std::chrono::milliseconds> parse_drain_timeout(const std::string& text) {
    return parse_duration("drain-timeout", text);
}

Result<std::chrono::milliseconds> parse_grace(const std::string& text) {
    return parse_duration("grace", text);
}

Status check_auth(const GatewayConfig& config) {
    const bool uses_tokens = uses(config, "tokens");
    if (uses_tokens && config.tokens_file.empty()) {
        return fail(Errc::InvalidConfig, "--auth tokens needs --tokens-file FILE");
    }
    if (!uses_tokens && !config.tokens_file.empty()) {
        return fail(Errc::InvalidConfig, "--tokens-file is used only with --auth tokens");
    }
    return {};
}

Status plan_modules(const GatewayConfig& config, GatewayPlan& plan) {
    auto ports = config.helper_ports.plan();
    if (!ports) {
        return forward_error(ports);
    }
    plan.helper_ports = *ports;
    auto traefik = config.traefik.plan();
    if (!traefik) {
        return forward_error(traefik);
    }
    plan.traefik = std::move(*traefik);
    if (!uses(config, "grid")) {
        return config.grid.check_unused();
    }
    auto grid = config.grid.plan(config.traefik.domains);
    if (!grid) {
        return forward_error(grid);
    }
    plan.grid = std::move(*grid);
    return {};
}

}  // namespace

void GatewayConfig::declare(Settings& settings) {
    settings.text("-l,--listen", listen, "Address for agents");
    settings.list("--auth", auth, "Who may register: loopback, open, tokens, grid (repeatable)");
    settings.text("--tokens-file", tokens_file, "Identities of --auth tokens (TOML)");
    settings.flag("--accept-v1", accept_v1, "Also accept protocol 1, which is not secure");
    settings.number("--workers", workers, "Threads for sessions; 0: as many as cores");
    settings.text("--drain-timeout", drain_timeout, "Time for open streams at a stop");
    settings.text("--state-dir", state_dir, "Folder for the key and the leases");
    settings.text("--identity-cert", identity_cert, "Certificate chain (PEM) for the identity key");
    settings.list("--allow-name", allow_names, "Reserved name that may be registered (repeatable)");
    settings.flag("--reset-leases", reset_leases, "Start without the leases of before");
    settings.text("--grace", grace,
                  "Time in which an agent whose connection broke keeps its names");
    helper_ports.declare(settings);
    grid.declare(settings);
    traefik.declare(settings);
    settings.check_flag("--offline", is_offline, "Do not ask the chain's nodes");
    settings.require("listen", understood_by(parse_listen));
    settings.require("auth", check_authenticator);
    settings.require("workers", check_workers);
    settings.require("drain-timeout", understood_by(parse_drain_timeout));
    settings.require("grace", understood_by(parse_grace));
}

Result<GatewayPlan> plan_gateway(const GatewayConfig& config) {
    GatewayPlan plan;
    auto listen = parse_listen(config.listen);
    if (!listen) {
        return forward_error(listen);
    }
    plan.listen = std::move(*listen);
    if (const auto valid = check_auth(config); !valid) {
        return forward_error(valid);
    }
    plan.auth = config.auth.empty() ? std::vector<std::string>{"loopback"} : config.auth;
    plan.workers =
        config.workers != 0 ? config.workers : std::max(1U, std::thread::hardware_concurrency());
    const auto drain = parse_drain_timeout(config.drain_timeout);
    const auto grace = parse_grace(config.grace);
    if (!drain || !grace) {
        return forward_error(drain ? grace : drain);
    }
    plan.drain_timeout = *drain;
    plan.grace = *grace;
    if (const auto done = plan_modules(config, plan); !done) {
        return forward_error(done);
    }
    return plan;
}

}  // namespace diglett::app
