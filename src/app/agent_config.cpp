#include "app/agent_config.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "agent/limits.hpp"
#include "base/escape.hpp"
#include "crypto/sha256.hpp"
#include "routing/name.hpp"

namespace diglett::app {

namespace {

constexpr std::uint16_t kDefaultPort = 20'000;
constexpr std::size_t kDerivedNameLetters = 8;

/// Reserved names are the gateway's to judge; here only what can never be right.
Status check_spelling(const std::string& name) {
    return name.empty() ? Status{} : routing::check_name_grammar(name);
}

Status check_kind(const std::string& text) {
    return text == "http" || text == "tls" ? Status{}
                                           : fail(Errc::InvalidConfig, "takes http or tls");
}

Result<agent::Service> make_service(const std::string& name, const std::string& backend,
                                    const std::string& kind) {
    if (const auto valid = check_spelling(name); !valid) {
        return forward_error(valid);
    }
    if (const auto known = check_kind(kind); !known) {
        return fail(Errc::InvalidConfig,
                    fmt::format("kind '{}' is unknown; there are http and tls", escape(kind)));
    }
    auto endpoint = net::parse_endpoint(backend);
    if (!endpoint) {
        return forward_error(endpoint);
    }
    return agent::Service{.name = name, .backend = std::move(*endpoint), .kind = kind};
}

std::string value_of(const ConfigTable& table, const std::string& key,
                     const std::string& otherwise) {
    const auto entry = table.find(key);
    const bool is_set = entry != table.end() && !entry->second.values.empty();
    return is_set ? entry->second.values.front() : otherwise;
}

Status check_single_values(const ConfigTable& table) {
    for (const auto& [key, entry] : table) {
        if (entry.values.size() != 1) {
            return fail(Errc::InvalidConfig,
                        fmt::format("{}: key '{}': takes one value", entry.where, key));
        }
    }
    return {};
}

Result<std::vector<agent::Service>> services_of(const AgentConfig& config,
                                                const std::vector<ConfigTable>& tables) {
    std::vector<agent::Service> services;
    if (!config.backend.empty()) {
        auto service = make_service(config.name, config.backend, config.kind);
        if (!service) {
            return forward_error(service);
        }
        services.push_back(std::move(*service));
        return services;
    }
    if (!config.name.empty()) {
        return fail(Errc::InvalidUsage, "--name needs a backend, such as localhost:8080");
    }
    if (tables.size() > agent::kMaxServices) {
        return fail(Errc::InvalidConfig,
                    fmt::format("{} services are more than the {} that one agent carries; start "
                                "another agent for the others",
                                tables.size(), agent::kMaxServices));
    }
    for (const auto& table : tables) {
        if (const auto single = check_single_values(table); !single) {
            return forward_error(single);
        }
        auto service = make_service(value_of(table, "name", ""), value_of(table, "backend", ""),
                                    value_of(table, "kind", config.kind));
        if (!service) {
            const std::string where = table.empty() ? "a [[service]] without keys"
                                                    : table.begin()->second.where + ": service";
            return fail(Errc::InvalidConfig, fmt::format("{}: {}", where, service.error().text));
        }
        services.push_back(std::move(*service));
    }
    if (services.empty()) {
        return fail(Errc::InvalidUsage,
                    "no backend: give one, such as localhost:8080, or a file with [[service]]");
    }
    return services;
}

Result<net::Endpoint> parse_gateway(const std::string& text) {
    return net::parse_endpoint(text, {.port = kDefaultPort, .allow_unix = false});
}

Status check_protocol(const std::string& text) {
    return text == "1" || text == "2" ? Status{} : fail(Errc::InvalidUsage, "takes 1 or 2");
}

Result<agent::TrustOptions> trust_of(const AgentConfig& config) {
    agent::TrustOptions trust{.pins = {}, .has_ca = !config.ca.empty(), .tofu = config.tofu};
    for (const auto& text : config.pins) {
        const auto pin = crypto::Pin::parse(text);
        if (!pin) {
            return forward_error(pin);
        }
        trust.pins.push_back(*pin);
    }
    return trust;
}

}  // namespace

void AgentConfig::declare(Settings& settings) {
    settings.text("-g,--gateway", gateway, "Gateway, HOST[:PORT] (port 20000 if left out)");
    settings.text("-n,--name", name, "Name to register; left out: eight letters, always the same");
    settings.text("--kind", kind, "http, or tls: passed through by its server name");
    settings.secret("-t,--token", token, "Credential; better in a file or in DIGLETT_TOKEN");
    settings.text("--token-file", token_file, "File with the credential");
    grid.declare(settings);
    settings.list("--pin", pins, "Key of the gateway, sha256/... (repeatable)");
    settings.text("--ca", ca, "Certificates (PEM) that vouch for the gateway");
    settings.flag("--tofu", tofu, "Trust a gateway met for the first time with the credential");
    settings.number("--protocol", protocol, "2, or 1 for gateways of the original program");
    settings.flag("--once", once, "End instead of trying again");
    settings.flag("--takeover", takeover, "Take the name from your other agent");
    settings.text("--state-dir", state_dir, "Folder for the agent's key and known gateways");
    settings.positional("backend", backend, "HOST:PORT, PORT or unix:PATH of the workload");
    settings.alternatives("token", "token-file");
    settings.require("gateway", understood_by(parse_gateway));
    settings.require("name", check_spelling);
    settings.require("kind", check_kind);
    settings.require("pin", understood_by(crypto::Pin::parse));
    settings.require("protocol", check_protocol);
    settings.footer("diglett grid-token --help tells how to make a token of a ThreeFold twin.");
    settings.service_keys({"name", "backend", "kind"});
}

Result<AgentPlan> plan_agent(const AgentConfig& config, const std::vector<ConfigTable>& services) {
    if (config.gateway.empty()) {
        return fail(Errc::InvalidUsage, "no gateway: give one with --gateway HOST[:PORT]");
    }
    AgentPlan plan;
    auto gateway = parse_gateway(config.gateway);
    if (!gateway) {
        return forward_error(gateway);
    }
    plan.gateway = std::move(*gateway);
    auto understood = services_of(config, services);
    if (!understood) {
        return forward_error(understood);
    }
    plan.services = std::move(*understood);
    auto trust = trust_of(config);
    if (!trust) {
        return forward_error(trust);
    }
    plan.trust = std::move(*trust);
    auto mint = config.grid.plan(plan.gateway.host);
    if (!mint) {
        return forward_error(mint);
    }
    plan.grid = std::move(*mint);
    if (plan.grid && !(config.token.empty() && config.token_file.empty())) {
        return fail(Errc::InvalidUsage, "--grid-twin and a token exclude each other");
    }
    if (config.protocol == 1 && plan.services.size() != 1) {
        return fail(Errc::InvalidConfig, "protocol 1 carries one service only");
    }
    std::set<std::string> names;
    for (const auto& service : plan.services) {
        if (!service.name.empty() && !names.insert(service.name).second) {
            return fail(Errc::InvalidConfig,
                        fmt::format("name '{}' is given to two services", service.name));
        }
    }
    return plan;
}

std::string derived_name(std::string_view identity, std::string_view backend) {
    const std::string input = fmt::format("{}\n{}", identity, backend);
    const auto digest = crypto::sha256(as_bytes(input));
    std::string name;
    for (std::size_t i = 0; i < kDerivedNameLetters; ++i) {
        name +=
            static_cast<char>('a' + load_be<std::uint16_t>(ByteView(digest).subspan(2 * i)) % 26);
    }
    return name;
}

}  // namespace diglett::app
