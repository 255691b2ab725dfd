#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/bytes.hpp"

namespace diglett::auth::grid {

/// Takes SCALE values from the front of `value`, which must outlive it. Exact: what is not the one
/// encoding of something is remembered and everything after it reads as zero or nothing; ask
/// finished() once at the end, which also says whether a byte is left.
/// @see https://docs.polkadot.com/polkadot-protocol/basics/data-encoding/
class ScaleReader {
  public:
    explicit ScaleReader(ByteView value) : rest_(value) {}

    /// A fixed number, little-endian.
    template <std::unsigned_integral T>
    [[nodiscard]] T number() {
        T read = 0;
        std::size_t shift = 0;
        for (const std::byte byte : take(sizeof(T))) {
            read = static_cast<T>(read | static_cast<T>(std::to_integer<T>(byte) << shift));
            shift += 8;
        }
        return read;
    }

    /// `N` bytes without a length before them.
    template <std::size_t N>
    [[nodiscard]] std::array<std::byte, N> fixed() {
        std::array<std::byte, N> bytes{};
        copy_to(bytes);
        return bytes;
    }

    /// A number in compact form, below 2^32 (lengths are) and in the shortest of its modes.
    [[nodiscard]] std::uint32_t compact();

    /// A compact length and so many bytes, at most `max_bytes`.
    [[nodiscard]] ByteView bytes(std::size_t max_bytes = std::numeric_limits<std::size_t>::max());

    /// The number of a variant below `count`. An Option is one of 0 (none) and 1 (some).
    [[nodiscard]] std::uint8_t variant(std::uint8_t count);

    [[nodiscard]] bool is_some() { return variant(2) == 1; }

    /// Whether everything so far was right.
    [[nodiscard]] bool ok() const { return ok_; }

    /// Whether everything was right and nothing is left.
    [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }

  private:
    /// `read`, which is in a longer mode than needed when it is below `least`.
    [[nodiscard]] std::uint32_t at_least(std::uint32_t least, std::uint32_t read);
    [[nodiscard]] ByteView take(std::size_t size);
    void copy_to(MutableBytes to);
    void spoil();

    ByteView rest_;
    bool ok_ = true;
};

}  // namespace diglett::auth::grid
