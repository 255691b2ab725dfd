#include "net/port_number.hpp"

#include <charconv>

namespace diglett::net {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    return error == std::errc{} && rest == end && port != 0 ? std::optional(port) : std::nullopt;
}

}  // namespace diglett::net
