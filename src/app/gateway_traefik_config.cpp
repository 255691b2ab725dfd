#include "app/gateway_traefik_config.hpp"

#include <limits>
#include <utility>

#include "app/duration.hpp"

namespace diglett::app {

namespace {

Status check_delay(const std::string& text) {
    const auto parsed = parse_duration("duration", text);
    return parsed ? Status{} : forward_error(parsed);
}

}  // namespace

void GatewayTraefikConfig::declare(Settings& settings) {
    settings.list("--domain", domains,
                  "Names appear under it: NAME.DOMAIN; the first is told (repeatable)");
    settings.text("--traefik-dir", directory, "Folder that a Traefik watches: publish names there");
    settings.list("--traefik-entry-points", entry_points, "Traefik's for kind http (repeatable)");
    settings.flag("--traefik-tls", tls, "Whether these speak TLS");
    settings.text("--traefik-cert-resolver", cert_resolver, "Traefik's, for their certificates");
    settings.list("--traefik-tls-domains", tls_domains,
                  "Domain to ask one certificate for, such as *.gateway.com (repeatable)");
    settings.list("--traefik-middlewares", middlewares, "Traefik's, for kind http (repeatable)");
    settings.list("--traefik-passthrough-entry-points", passthrough_entry_points,
                  "Traefik's for kind tls; none: that kind is not on offer (repeatable)");
    settings.text("--traefik-termination-delay", termination_delay,
                  "Time for a kind tls backend's answer after the visitor's end");
    settings.number("--traefik-proxy-protocol", proxy_protocol,
                    "Tells kind tls backends the visitor's address: 1, 2, or 0 for not");
    settings.text("--traefik-public-scheme", public_scheme,
                  "Of the URL printed for kind http: http or https");
    settings.number("--traefik-public-port", public_port, "Of the same; 0: the scheme's");
    settings.number("--traefik-passthrough-public-port", passthrough_public_port,
                    "Of the URL printed for kind tls");
    settings.text("--traefik-target", target, "Where routes lead: port, the name's helper port");
    settings.flag("--traefik-optional", is_optional,
                  "Register names although they cannot be published there");
    settings.require("traefik-termination-delay", check_delay);
}

Result<std::optional<GatewayTraefikPlan>> GatewayTraefikConfig::plan() const {
    if (directory.empty()) {
        return domains.empty()
                   ? Result<std::optional<GatewayTraefikPlan>>(std::nullopt)
                   : fail(Errc::InvalidConfig, "--domain is used only with --traefik-dir DIR");
    }
    const auto delay = parse_duration("--traefik-termination-delay", termination_delay);
    if (!delay) {
        return forward_error(delay);
    }
    if (public_port > std::numeric_limits<std::uint16_t>::max()) {
        return fail(Errc::InvalidConfig, "[traefik] public-port: takes 0 to 65535");
    }
    if (passthrough_public_port > std::numeric_limits<std::uint16_t>::max()) {
        return fail(Errc::InvalidConfig, "[traefik] passthrough-public-port: takes 1 to 65535");
    }
    if (proxy_protocol > 2) {
        return fail(Errc::InvalidConfig, "[traefik] proxy-protocol: takes 0, 1 or 2");
    }
    registrar::traefik::Options options{
        .domains = domains,
        .entry_points = entry_points,
        .tls = tls,
        .cert_resolver = cert_resolver,
        .tls_domains = tls_domains,
        .middlewares = middlewares,
        .passthrough_entry_points = passthrough_entry_points,
        .termination_delay = *delay,
        .proxy_protocol = static_cast<int>(proxy_protocol),
        .public_scheme = public_scheme,
        .public_port = static_cast<std::uint16_t>(public_port),
        .passthrough_public_port = static_cast<std::uint16_t>(passthrough_public_port),
        .target = target};
    if (const auto valid = registrar::traefik::validate(options); !valid) {
        return forward_error(valid);
    }
    return GatewayTraefikPlan{
        .directory = directory, .options = std::move(options), .is_optional = is_optional};
}

}  // namespace diglett::app
