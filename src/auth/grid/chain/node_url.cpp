#include "auth/grid/chain/node_url.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "net/dial.hpp"

namespace diglett::auth::grid {

namespace {

struct Scheme {
    std::string_view word;
    bool web_socket;
    bool tls;
};

constexpr std::array kSchemes{Scheme{"ws", true, false}, Scheme{"wss", true, true},
                              Scheme{"http", false, false}, Scheme{"https", false, true}};

constexpr std::uint16_t kPlainPort = 80;
constexpr std::uint16_t kTlsPort = 443;

/// The part of a mistyped URL that cannot hold a node's key, which stands in its path, its query or
/// before an `@`.
std::string shown(std::string_view text) {
    const auto scheme = text.find("://");
    const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const auto end = text.find_first_of("/?#\\", begin);
    const auto host_and_before = text.substr(0, end);
    const auto at = host_and_before.find('@');
    const auto visible = at == std::string_view::npos ? host_and_before : text.substr(0, begin);
    return escape(visible) + (visible.size() < text.size() ? "..." : "");
}

std::unexpected<Error> refuse(std::string_view text) {
    return fail(Errc::InvalidUsage,
                fmt::format("'{}' is no endpoint of the chain: expected ws://, wss://, http:// or "
                            "https://, a host, and perhaps a port and a path",
                            shown(text)));
}

bool is_target(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

bool is_authority(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return c > ' ' && c < 0x7f && c != '@' && c != '?' && c != '#'; });
}

}  // namespace

Result<NodeUrl> parse_node_url(std::string_view text) {
    const auto colon = text.find("://");
    const auto scheme = std::ranges::find(kSchemes, text.substr(0, colon), &Scheme::word);
    if (colon == std::string_view::npos || scheme == kSchemes.end()) {
        return refuse(text);
    }
    const auto rest = text.substr(colon + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    const auto target = rest.substr(authority.size());
    if (authority.empty() || !is_authority(authority) || !is_target(target)) {
        return refuse(text);
    }
    const net::EndpointDefaults defaults{.host = "",
                                         .port = scheme->tls ? kTlsPort : kPlainPort,
                                         .allow_unix = false,
                                         .allow_port_zero = false};
    auto endpoint = net::parse_endpoint(authority, defaults);
    if (!endpoint || endpoint->host.empty() || endpoint->is_unix()) {
        return refuse(text);
    }
    return NodeUrl{.web_socket = scheme->web_socket,
                   .tls = scheme->tls,
                   .endpoint = std::move(*endpoint),
                   .target = (target.starts_with('/') ? "" : "/") + std::string(target)};
}

std::string to_string(const NodeUrl& url) {
    const auto scheme = std::ranges::find_if(kSchemes, [&](const Scheme& candidate) {
        return candidate.web_socket == url.web_socket && candidate.tls == url.tls;
    });
    return fmt::format("{}://{}{}", scheme->word, net::to_string(url.endpoint),
                       url.target == "/" ? "" : url.target);
}

std::string label_of(const NodeUrl& url) {
    NodeUrl shown = url;
    shown.target = url.target == "/" ? "/" : "/...";
    return to_string(shown);
}

bool is_open_to_others(const NodeUrl& url) {
    return !url.tls && !net::is_on_this_machine(url.endpoint);
}

}  // namespace diglett::auth::grid
