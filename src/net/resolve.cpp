#include "net/resolve.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "net/event.hpp"
#include "net/sockaddr.hpp"

namespace diglett::net {

namespace {

using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
using Addresses = std::vector<Address>;

constexpr std::size_t kMaxAddresses = 16;  // more would only stretch a dial past any deadline

/// Shared by the coroutine, which may stop waiting, and the handler, which comes when the thread is
/// done.
struct Lookup {
    explicit Lookup(Executor executor) : done(executor) {}

    Event done;
    bool finished = false;
    boost::system::error_code error;
    Addresses addresses;
};

Address address_of(const asio::ip::tcp::endpoint& endpoint) {
    SockAddr raw{.size = static_cast<socklen_t>(endpoint.size())};
    std::copy_n(reinterpret_cast<const std::byte*>(endpoint.data()), endpoint.size(),
                reinterpret_cast<std::byte*>(&raw.storage));
    return from_sockaddr(raw);
}

void start(Resolver& resolver, const Endpoint& endpoint, const std::shared_ptr<Lookup>& lookup) {
    resolver.async_resolve(
        endpoint.host, std::to_string(endpoint.port), asio::ip::resolver_base::numeric_service,
        [lookup](const boost::system::error_code& error, const Resolver::results_type& results) {
            lookup->error = error;
            for (const auto& entry : results) {
                lookup->addresses.push_back(address_of(entry.endpoint()));
            }
            lookup->finished = true;
            lookup->done.notify();
        });
}

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

std::unexpected<DialError> refuse(DialFailure kind, Errc code, const Endpoint& endpoint,
                                  std::string_view why) {
    return std::unexpected(
        DialError{kind, Error{code, fmt::format("{}: {}", to_string(endpoint), why)}});
}

}  // namespace

Awaitable<std::expected<Addresses, DialError>> resolve(Endpoint endpoint, TimePoint deadline) {
    auto known = without_lookup(endpoint);
    if (!known.empty()) {
        co_return known;
    }

    const auto executor = co_await asio::this_coro::executor;
    const auto lookup = std::make_shared<Lookup>(executor);
    Resolver resolver(executor);
    start(resolver, endpoint, lookup);
    (void)co_await lookup->done.wait_until(deadline);
    if (!lookup->finished) {
        const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
        if (cancelled != asio::cancellation_type::none) {
            co_return refuse(DialFailure::Cancelled, Errc::Cancelled, endpoint, "cancelled");
        }
        co_return refuse(DialFailure::TimedOut, Errc::TimedOut, endpoint,
                         "the name service did not answer in time");
    }
    if (lookup->error || lookup->addresses.empty()) {
        co_return refuse(DialFailure::Unresolved, Errc::IoFailed, endpoint,
                         lookup->error ? "the name cannot be resolved: " + lookup->error.message()
                                       : "the name has no address");
    }
    co_return alternate(lookup->addresses);
}

}  // namespace diglett::net
