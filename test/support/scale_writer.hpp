#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "auth/grid/twin.hpp"
#include "base/bytes.hpp"

namespace diglett::test {

/// Writes SCALE values, written apart from the reader so that each checks the other.
class ScaleWriter {
  public:
    template <std::unsigned_integral T>
    void number(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            out_.push_back(
                static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xffU));
        }
    }

    void compact(std::uint32_t value) {
        if (value < 0x40) {
            number(static_cast<std::uint8_t>(value << 2U));
        } else if (value < 0x4000) {
            number(static_cast<std::uint16_t>(value << 2U | 1U));
        } else if (value < 0x40000000) {
            number(value << 2U | 2U);
        } else {
            number(std::uint8_t{3});
            number(value);
        }
    }

    void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

    void bytes(ByteView bytes) {
        compact(static_cast<std::uint32_t>(bytes.size()));
        raw(bytes);
    }

    [[nodiscard]] const ByteVector& written() const { return out_; }

  private:
    ByteVector out_;
};

inline ByteVector encode(const auth::grid::Twin& twin) {
    ScaleWriter writer;
    writer.number(twin.id);
    writer.raw(twin.account);
    writer.number(static_cast<std::uint8_t>(twin.relay ? 1 : 0));
    if (twin.relay) {
        writer.bytes(as_bytes(*twin.relay));
    }
    writer.compact(static_cast<std::uint32_t>(twin.entities.size()));
    for (const auto& entity : twin.entities) {
        writer.number(entity.id);
        writer.bytes(entity.signature);
    }
    writer.number(static_cast<std::uint8_t>(twin.encryption_key ? 1 : 0));
    if (twin.encryption_key) {
        writer.bytes(*twin.encryption_key);
    }
    return writer.written();
}

}  // namespace diglett::test
