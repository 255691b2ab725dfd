#include "net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "net/sockaddr.hpp"

namespace diglett::net {

namespace {

constexpr std::size_t kMappedPrefixBytes = 12;

std::string numeric(int family, const void* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, bytes, text.data(), text.size());
    return text.data();
}

Address from_in6(const sockaddr_in6& raw) {
    Address address{.family = Address::Family::IPv6, .port = ntohs(raw.sin6_port)};
    const auto* bytes = reinterpret_cast<const std::byte*>(&raw.sin6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&raw.sin6_addr)) {
        address.family = Address::Family::IPv4;
        std::copy_n(bytes + kMappedPrefixBytes, 4, address.bytes.begin());
    } else {
        std::copy_n(bytes, 16, address.bytes.begin());
    }
    return address;
}

}  // namespace

bool Address::is_loopback() const {
    switch (family) {
        case Family::IPv4:
            return bytes[0] == std::byte{127};
        case Family::IPv6:
            return bytes[15] == std::byte{1} &&
                   std::all_of(bytes.begin(), bytes.end() - 1,
                               [](std::byte b) { return b == std::byte{0}; });
        case Family::Unix:
            return true;
        case Family::None:
            break;
    }
    return false;
}

bool Address::is_unspecified() const {
    return (family == Family::IPv4 || family == Family::IPv6) &&
           std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

std::string host_of(const Address& address) {
    switch (address.family) {
        case Address::Family::IPv4:
            return numeric(AF_INET, address.bytes.data());
        case Address::Family::IPv6:
            return numeric(AF_INET6, address.bytes.data());
        case Address::Family::Unix:
            return "unix";
        case Address::Family::None:
            break;
    }
    return "unknown";
}

std::string to_string(const Address& address) {
    switch (address.family) {
        case Address::Family::IPv4:
            return fmt::format("{}:{}", host_of(address), address.port);
        case Address::Family::IPv6:
            return fmt::format("[{}]:{}", host_of(address), address.port);
        default:
            return host_of(address);
    }
}

std::optional<Address> parse_address(std::string_view host, std::uint16_t port) {
    const std::string text(host);
    Address address{.port = port};
    if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
        address.family = Address::Family::IPv4;
        return address;
    }
    if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
        address.family = Address::Family::IPv6;
        return address;
    }
    return std::nullopt;
}

SockAddr to_sockaddr(const Address& address) {
    SockAddr raw;
    if (address.family == Address::Family::IPv4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
        std::memcpy(&raw.storage, &v4, sizeof v4);
        raw.size = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
        std::memcpy(&raw.storage, &v6, sizeof v6);
        raw.size = sizeof v6;
    }
    return raw;
}

Address from_sockaddr(const SockAddr& raw) {
    if (raw.storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &raw.storage, sizeof v4);
        Address address{.family = Address::Family::IPv4, .port = ntohs(v4.sin_port)};
        std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
        return address;
    }
    if (raw.storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &raw.storage, sizeof v6);
        return from_in6(v6);
    }
    if (raw.storage.ss_family == AF_UNIX && raw.size > 0) {
        return {.family = Address::Family::Unix};
    }
    return {};
}

bool is_connected_to_itself(int fd) {
    SockAddr local{.size = sizeof local.storage};
    SockAddr remote{.size = sizeof remote.storage};
    if (::getsockname(fd, local.get(), &local.size) != 0 ||
        ::getpeername(fd, remote.get(), &remote.size) != 0) {
        return false;
    }
    const Address address = from_sockaddr(local);
    return address.port != 0 && address == from_sockaddr(remote);
}

}  // namespace diglett::net
