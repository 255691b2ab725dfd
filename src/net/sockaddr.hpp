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

/// Whether a TCP socket is connected to itself: a dial to a port of this machine where nobody
/// listens may be given just that port as its own, and then meets itself. It has to be reset: a
/// close would keep the port from whoever wants to listen there.
[[nodiscard]] bool is_connected_to_itself(int fd);

}  // namespace diglett::net
