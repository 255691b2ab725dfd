#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace diglett::net {

/// A port written in decimal digits and nothing else, 1 to 65535.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

}  // namespace diglett::net
