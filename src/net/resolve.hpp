#pragma once

#include <expected>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"
#include "net/async.hpp"
#include "net/dial.hpp"
#include "net/endpoint.hpp"
#include "net/lookups.hpp"

namespace diglett::net {

/// The addresses of a host and port, in the order to try them: the system's order, families
/// alternating (RFC 8305 4). IP addresses and "localhost" answer at once, 127.0.0.1 first; other
/// names are asked of `lookups`. @return at least one and at most 16 addresses, or what
/// Lookups::ask() says.
[[nodiscard]] Awaitable<std::expected<std::vector<Address>, DialError>> resolve(
    Endpoint endpoint, TimePoint deadline, Lookups& lookups = Lookups::of_system());

}  // namespace diglett::net
