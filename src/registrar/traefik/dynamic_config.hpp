#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "registrar/traefik/options.hpp"

namespace diglett::registrar::traefik {

/// One name to be routed.
struct Route {
    std::string_view name;
    std::string_view kind;  ///< "http" or "tls"
    std::uint16_t port;     ///< On 127.0.0.1; leads to the agent.
};

/// Whether `kind` can be published with these options: "http" always, "tls" with an entry point.
[[nodiscard]] bool publishes_kind(const Options& options, std::string_view kind);

/// A file of Traefik's file provider that routes one name: compact JSON, which is YAML too. One
/// router, one service and, for kind `tls`, one servers' transport, all called `diglett-NAME`.
/// Pure.
/// @param options that have passed validate().
/// @return NameInvalid for a name that breaks the grammar, NameNotAllowed for a kind that
///         publishes_kind() denies, Internal for port 0.
[[nodiscard]] Result<std::string> dynamic_config(const Options& options, const Route& route);

/// Where visitors find the name, under the first domain: `https://NAME.DOMAIN`, with `:PORT` when
/// it is not the scheme's own. @param options that have passed validate().
[[nodiscard]] std::string public_url(const Options& options, std::string_view name,
                                     std::string_view kind);

}  // namespace diglett::registrar::traefik
