#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace diglett::wire {

/// Takes fixed fields from the front of a payload. A field that is not there reads as zero and is
/// remembered: ask finish() once at the end.
class ByteReader {
  public:
    explicit ByteReader(ByteView payload) : rest_(payload) {}

    template <std::unsigned_integral T>
    [[nodiscard]] T number() {
        const auto bytes = take(sizeof(T));
        return bytes.empty() ? T{0} : load_be<T>(bytes);
    }

    /// Fills the first `size` bytes of `to`.
    template <std::size_t N>
    void fill(std::array<std::byte, N>& to, std::size_t size = N) {
        std::ranges::copy(take(size), to.begin());
    }

    [[nodiscard]] ByteView take_rest() { return take(rest_.size()); }

    /// @return ProtocolViolation when bytes were missing or are left.
    [[nodiscard]] Status finish(std::string_view message) const {
        if (short_) {
            return fail(Errc::ProtocolViolation, std::string(message) + ": too short");
        }
        if (!rest_.empty()) {
            return fail(Errc::ProtocolViolation, std::string(message) + ": too long");
        }
        return {};
    }

  private:
    [[nodiscard]] ByteView take(std::size_t size) {
        if (rest_.size() < size) {
            short_ = true;
            rest_ = {};
            return {};
        }
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    ByteView rest_;
    bool short_ = false;
};

/// Appends `value` big-endian.
template <std::unsigned_integral T>
void append_be(T value, ByteVector& out) {
    out.resize(out.size() + sizeof(T));
    store_be(value, MutableBytes(out).last(sizeof(T)));
}

inline void append_bytes(ByteView bytes, ByteVector& out) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace diglett::wire
