#include "net/resolve.hpp"

#include <array>

#include "net/limits.hpp"

namespace diglett::net {

namespace {

using Addresses = std::vector<Address>;

/// The families by turns, each in the order of the system; the system's first choice stays first.
Addresses alternate(const Addresses& addresses) {
    std::array<Addresses, 2> families;
    for (const auto& address : addresses) {
        families[address.family == addresses.front().family ? 0 : 1].push_back(address);
    }
    Addresses mixed;
    for (std::size_t i = 0; i < addresses.size() && mixed.size() < kMaxAddresses; ++i) {
        for (const auto& family : families) {
            if (i < family.size()) {
                mixed.push_back(family[i]);
            }
        }
    }
    if (mixed.size() > kMaxAddresses) {
        mixed.resize(kMaxAddresses);
    }
    return mixed;
}

Addresses without_lookup(const Endpoint& endpoint) {
    if (const auto address = parse_address(endpoint.host, endpoint.port)) {
        return {*address};
    }
    if (endpoint.host == "localhost") {  // RFC 6761 section 6.3: always loopback
        return {*parse_address("127.0.0.1", endpoint.port), *parse_address("::1", endpoint.port)};
    }
    return {};
}

}  // namespace

Awaitable<std::expected<Addresses, DialError>> resolve(Endpoint endpoint, TimePoint deadline,
                                                       Lookups& lookups) {
    auto known = without_lookup(endpoint);
    if (!known.empty()) {
        co_return known;
    }
    auto asked = co_await lookups.ask(std::move(endpoint), deadline);
    if (!asked) {
        co_return std::unexpected(std::move(asked.error()));
    }
    co_return alternate(*asked);
}

}  // namespace diglett::net
