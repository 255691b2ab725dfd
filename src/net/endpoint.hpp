#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace diglett::net {

/// Where to connect to or listen: a host and a port, or a unix socket.
struct Endpoint {
    std::string host{};       ///< Name or IP address without brackets; empty for a unix socket.
    std::uint16_t port = 0;   ///< 0 only for listening: any free port.
    std::string unix_path{};  ///< At most 107 bytes (unix(7)); empty for host and port.

    [[nodiscard]] bool is_unix() const { return !unix_path.empty(); }

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// What parse_endpoint fills in when the text leaves it out.
struct EndpointDefaults {
    std::string host = "localhost";     ///< For a bare PORT.
    std::optional<std::uint16_t> port;  ///< For a host alone; without it the port must be given.
    bool allow_unix = true;
    bool allow_port_zero = false;  ///< Listening addresses only.
};

/// Reads "HOST:PORT", "[IPV6]:PORT", a bare "PORT", "unix:PATH", and "HOST" or "IPV6" alone where
/// `defaults` has a port. Nothing is resolved. @return InvalidUsage with a text that quotes `text`
/// and says what is expected.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text,
                                              const EndpointDefaults& defaults = {});

/// The form that parse_endpoint reads: "host:80", "[::1]:80", "unix:/path".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

}  // namespace diglett::net
