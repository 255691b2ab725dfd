#pragma once

#include <sys/socket.h>

#include "net/address.hpp"

namespace diglett::net {

/// A socket address as the system calls want it.
struct SockAddr {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }

    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// @pre `address` is IPv4 or IPv6.
[[nodiscard]] SockAddr to_sockaddr(const Address& address);
[[nodiscard]] Address from_sockaddr(const SockAddr& raw);

}  // namespace diglett::net
