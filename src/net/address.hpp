#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace diglett::net {

/// The numeric address of one end of a socket. IPv4-mapped IPv6 addresses appear as IPv4.
struct Address {
    enum class Family : std::uint8_t { None, IPv4, IPv6, Unix };

    Family family = Family::None;
    std::uint16_t port = 0;
    std::array<std::byte, 16> bytes{};  ///< Network order; the first 4 or 16 count.

    /// 127.0.0.0/8, ::1, or a unix socket.
    [[nodiscard]] bool is_loopback() const;

    /// 0.0.0.0 or ::, which stand for every address of the machine.
    [[nodiscard]] bool is_unspecified() const;

    friend bool operator==(const Address&, const Address&) = default;
};

/// "192.0.2.1:80", "[2001:db8::1]:80", "unix", or "unknown".
[[nodiscard]] std::string to_string(const Address& address);

/// The address alone, without port and brackets: the key under which connections of one source are
/// counted.
[[nodiscard]] std::string host_of(const Address& address);

/// An IPv4 or IPv6 address in figures, without brackets and scope; nothing else.
[[nodiscard]] std::optional<Address> parse_address(std::string_view host, std::uint16_t port);

}  // namespace diglett::net
