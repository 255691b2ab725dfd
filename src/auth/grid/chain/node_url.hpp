#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "net/endpoint.hpp"

namespace diglett::auth::grid {

/// Where a node of the chain is asked: ws, wss, http or https.
struct NodeUrl {
    bool web_socket = false;
    bool tls = false;
    net::Endpoint endpoint;
    std::string target = "/";  ///< Path and query.

    friend bool operator==(const NodeUrl&, const NodeUrl&) = default;
};

/// Reads "wss://HOST[:PORT][/PATH]"; the port is the scheme's (443 or 80) when left out. No user
/// name, no fragment. @return InvalidUsage with a text that says what is expected and quotes
/// `text` up to where a key may begin.
[[nodiscard]] Result<NodeUrl> parse_node_url(std::string_view text);

/// The form that parse_node_url reads, with the port and without a path of "/".
[[nodiscard]] std::string to_string(const NodeUrl& url);

/// The same for logs: a path may hold the key of a paid node, and is shown as "/...".
[[nodiscard]] std::string label_of(const NodeUrl& url);

/// Whether anybody on the way could change the answers: no TLS, and not to this machine.
[[nodiscard]] bool is_open_to_others(const NodeUrl& url);

}  // namespace diglett::auth::grid
