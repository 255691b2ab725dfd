#include "wire/hex.hpp"

namespace diglett::wire {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

/// 0 to 15, or 16 when `digit` is none.
unsigned value_of(char digit) {
    if (digit >= 'A' && digit <= 'F') {
        return static_cast<unsigned>(digit - 'A') + 10;
    }
    const auto value = kDigits.find(digit);
    return value == std::string_view::npos ? 16 : static_cast<unsigned>(value);
}

}  // namespace

std::string to_hex(ByteView bytes) {
    std::string hex;
    hex.reserve(2 * bytes.size());
    for (const auto byte : bytes) {
        hex += kDigits[std::to_integer<std::size_t>(byte >> 4U)];
        hex += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return hex;
}

bool from_hex(std::string_view hex, MutableBytes to) {
    if (hex.size() != 2 * to.size()) {
        return false;
    }
    for (auto& byte : to) {
        const auto high = value_of(hex[0]);
        const auto low = value_of(hex[1]);
        if (high > 15 || low > 15) {
            return false;
        }
        byte = static_cast<std::byte>(high << 4U | low);
        hex.remove_prefix(2);
    }
    return true;
}

}  // namespace diglett::wire
