#include "registrar/traefik/dynamic_config.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/escape.hpp"
#include "registrar/traefik/host_name.hpp"
#include "registrar/traefik/own_file.hpp"

namespace diglett::registrar::traefik {

namespace {

namespace json = boost::json;

constexpr std::string_view kHttp = "http";
constexpr std::string_view kTls = "tls";

/// Where a route leads: the one place that knows of targets.
std::string target_address(const Route& route) {
    return fmt::format("127.0.0.1:{}", route.port);  // not localhost, which may mean ::1
}

/// "Host(`a.x`) || Host(`a.y`)". Since version 3 Traefik takes one value in each matcher.
std::string host_rule(std::string_view matcher, std::string_view name, const Options& options) {
    std::string rule;
    for (const auto& domain : options.domains) {
        rule += fmt::format("{}{}(`{}.{}`)", rule.empty() ? "" : " || ", matcher, name, domain);
    }
    return rule;
}

json::array list_of(const std::vector<std::string>& words) {
    return json::array(words.begin(), words.end());
}

json::object http_tls(const Options& options) {
    json::object tls;
    if (!options.cert_resolver.empty()) {
        tls["certResolver"] = options.cert_resolver;
    }
    json::array domains;
    for (const auto& domain : options.tls_domains) {
        domains.push_back(json::object{{"main", domain}});
    }
    if (!domains.empty()) {
        tls["domains"] = std::move(domains);
    }
    return tls;
}

json::object http_config(const Options& options, const Route& route, const std::string& id) {
    json::object router;
    router["rule"] = host_rule("Host", route.name, options);
    // Without it the router would be at every default entry point.
    router["entryPoints"] = list_of(options.entry_points);
    router["service"] = id;
    if (!options.middlewares.empty()) {
        router["middlewares"] = list_of(options.middlewares);
    }
    if (options.tls) {
        router["tls"] = http_tls(options);
    }
    json::object balancer;
    balancer["servers"] = json::array{json::object{{"url", "http://" + target_address(route)}}};
    balancer["passHostHeader"] = true;
    return {{"routers", json::object{{id, std::move(router)}}},
            {"services", json::object{{id, json::object{{"loadBalancer", std::move(balancer)}}}}}};
}

/// "30s", "1500ms": a duration as Go writes it.
std::string go_duration(std::chrono::milliseconds duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    return seconds == duration ? fmt::format("{}s", seconds.count())
                               : fmt::format("{}ms", duration.count());
}

json::object servers_transport(const Options& options) {
    json::object transport;
    transport["terminationDelay"] = go_duration(options.termination_delay);
    if (options.proxy_protocol != 0) {
        transport["proxyProtocol"] = json::object{{"version", options.proxy_protocol}};
    }
    return transport;
}

json::object passthrough_config(const Options& options, const Route& route, const std::string& id) {
    json::object router;
    router["rule"] = host_rule("HostSNI", route.name, options);
    router["entryPoints"] = list_of(options.passthrough_entry_points);
    router["service"] = id;
    router["tls"] = json::object{{"passthrough", true}};
    json::object balancer;
    balancer["servers"] = json::array{json::object{{"address", target_address(route)}}};
    balancer["serversTransport"] = id;
    return {{"routers", json::object{{id, std::move(router)}}},
            {"services", json::object{{id, json::object{{"loadBalancer", std::move(balancer)}}}}},
            {"serversTransports", json::object{{id, servers_transport(options)}}}};
}

}  // namespace

bool publishes_kind(const Options& options, std::string_view kind) {
    return kind == kHttp || (kind == kTls && !options.passthrough_entry_points.empty());
}

Result<std::string> dynamic_config(const Options& options, const Route& route) {
    if (!is_host_label(route.name)) {
        return fail(Errc::NameInvalid,
                    fmt::format("'{}' cannot be part of a host name", escape(route.name)));
    }
    if (!publishes_kind(options, route.kind)) {
        return fail(
            Errc::NameNotAllowed,
            fmt::format("this gateway publishes no service of kind '{}'", escape(route.kind)));
    }
    if (route.port == 0) {
        return fail(Errc::Internal, "a route to port 0");
    }
    const auto id = own_resource(route.name);
    json::object document;
    if (route.kind == kTls) {
        document["tcp"] = passthrough_config(options, route, id);
    } else {
        document["http"] = http_config(options, route, id);
    }
    auto text = json::serialize(document);
    // Traefik would run what stands in them. validate() and the grammar leave no way to it.
    DIGLETT_ASSERT(text.find("{{") == std::string::npos);
    return text;
}

std::string public_url(const Options& options, std::string_view name, std::string_view kind) {
    std::string_view scheme = options.public_scheme;
    std::uint16_t port = options.public_port;
    if (kind == kTls) {
        scheme = "https";
        port = options.passthrough_public_port;
    } else if (scheme.empty()) {
        scheme = options.tls ? "https" : "http";
    }
    const std::uint16_t usual = scheme == "https" ? 443 : 80;
    const bool told = port != 0 && port != usual;
    return fmt::format("{}://{}.{}{}", scheme, name, options.domains.front(),
                       told ? fmt::format(":{}", port) : "");
}

}  // namespace diglett::registrar::traefik
