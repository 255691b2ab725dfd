#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace diglett {

/// Bytes somebody else owns; valid as long as the function that hands them out says.
using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using ByteVector = std::vector<std::byte>;

/// Reads a big-endian unsigned integer from the first `sizeof(T)` bytes. @pre `from.size() >=
/// sizeof(T)`.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_be(ByteView from) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>((value << 8U) | std::to_integer<T>(from[i]));
    return value;
}

/// Writes `value` big-endian into the first `sizeof(T)` bytes. @pre `to.size() >= sizeof(T)`.
template <std::unsigned_integral T>
constexpr void store_be(T value, MutableBytes to) {
    for (std::size_t i = sizeof(T); i-- > 0;) {
        to[i] = static_cast<std::byte>(value & 0xffU);
        value = static_cast<T>(sizeof(T) > 1 ? value >> 8U : 0);
    }
}

/// The characters of `text` as bytes, and back; both view the same memory.
[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace diglett
