#pragma once

#include "net/address.hpp"
#include "wire/message.hpp"

namespace diglett::gateway {

/// A socket's address as it travels in Open; a unix socket has none. (protocol 6.1)
[[nodiscard]] inline wire::Address to_wire(const net::Address& address) {
    using From = net::Address::Family;
    using To = wire::Address::Family;
    const bool is_ip = address.family == From::IPv4 || address.family == From::IPv6;
    if (!is_ip) {
        return {};
    }
    return {.family = address.family == From::IPv4 ? To::IPv4 : To::IPv6,
            .port = address.port,
            .bytes = address.bytes};
}

}  // namespace diglett::gateway
