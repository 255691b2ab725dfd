#include "net/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "net/address.hpp"

namespace diglett::net {

namespace {

constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035 section 2.3.4, without the dot of the root
constexpr std::size_t kMaxUnixPathBytes = 107;  // unix(7): sun_path with its NUL
constexpr std::string_view kUnixPrefix = "unix:";

std::unexpected<Error> refuse(std::string_view text, const EndpointDefaults& defaults,
                              std::string_view why) {
    return fail(
        Errc::InvalidUsage,
        fmt::format("'{}' is not an address ({}): expected {}HOST:PORT, [IPV6]:PORT{}{}", text, why,
                    defaults.port ? "HOST, " : "", defaults.allow_unix ? ", unix:PATH" : "",
                    defaults.host.empty() ? "" : " or PORT"));
}

bool is_all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host(std::string_view host) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    return host == "*" ||
           (!host.empty() && host.size() <= kMaxHostBytes && std::ranges::all_of(host, is_good));
}

std::optional<std::uint16_t> parse_port(std::string_view text, bool allow_zero) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (!is_all_digits(text) || error != std::errc() || end != text.data() + text.size() ||
        (port == 0 && !allow_zero)) {
        return std::nullopt;
    }
    return port;
}

/// A text cut into host and port, neither checked.
struct Parts {
    std::string_view host;
    std::optional<std::string_view> port{};
    bool is_ipv6 = false;
};

std::expected<Parts, std::string_view> cut(std::string_view text, std::string_view default_host) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) {
            return std::unexpected("']' is missing");
        }
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && !rest.starts_with(':')) {
            return std::unexpected("']' must be followed by ':PORT'");
        }
        Parts parts{.host = text.substr(1, close - 1), .is_ipv6 = true};
        if (!rest.empty()) {
            parts.port = rest.substr(1);
        }
        return parts;
    }
    if (is_all_digits(text) && !default_host.empty()) {
        return Parts{.host = default_host, .port = text};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
        return Parts{.host = text};
    }
    if (text.find(':', colon + 1) == std::string_view::npos) {
        return Parts{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
    }
    return Parts{.host = text, .is_ipv6 = true};
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text, const EndpointDefaults& defaults) {
    if (defaults.allow_unix && text.starts_with(kUnixPrefix)) {
        const auto path = text.substr(kUnixPrefix.size());
        if (path.empty() || path.size() > kMaxUnixPathBytes || path.contains('\0')) {
            return refuse(text, defaults, "the path must have 1 to 107 bytes");
        }
        return Endpoint{.unix_path = std::string(path)};
    }
    const auto parts = cut(text, defaults.host);
    if (!parts) {
        return refuse(text, defaults, parts.error());
    }
    if (parts->is_ipv6) {
        const auto address = parse_address(parts->host, 0);
        if (!address || address->family != Address::Family::IPv6) {
            return refuse(text, defaults, "not an IPv6 address");
        }
    } else if (!is_host(parts->host)) {
        return refuse(text, defaults, "not a host name");
    }
    std::optional<std::uint16_t> port = defaults.port;
    if (parts->port) {
        port = parse_port(*parts->port, defaults.allow_port_zero);
        if (!port) {
            return refuse(text, defaults, "the port must be a number from 1 to 65535");
        }
    }
    if (!port) {
        return refuse(text, defaults, "the port is missing");
    }
    return Endpoint{.host = std::string(parts->host), .port = *port};
}

std::string to_string(const Endpoint& endpoint) {
    if (endpoint.is_unix()) {
        return fmt::format("{}{}", kUnixPrefix, endpoint.unix_path);
    }
    if (endpoint.host.contains(':')) {
        return fmt::format("[{}]:{}", endpoint.host, endpoint.port);
    }
    return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace diglett::net
