#include "auth/grid/scale.hpp"

#include <algorithm>

namespace diglett::auth::grid {

std::uint32_t ScaleReader::compact() {
    if (rest_.empty()) {
        spoil();
        return 0;
    }
    // The two low bits of the first byte say how many bytes there are, and what is the smallest
    // number that may be written with as many.
    switch (std::to_integer<unsigned>(rest_.front()) & 3U) {
        case 0:
            return number<std::uint8_t>() >> 2U;
        case 1: {
            const auto read = static_cast<std::uint32_t>(number<std::uint16_t>() >> 2U);
            return at_least(1U << 6U, read);
        }
        case 2: {
            const auto read = number<std::uint32_t>() >> 2U;
            return at_least(1U << 14U, read);
        }
        default: {
            // The upper six bits of the first byte: bytes of the number, less four.
            if (number<std::uint8_t>() >> 2U != 0) {
                spoil();
            }
            return at_least(1U << 30U, number<std::uint32_t>());
        }
    }
}

ByteView ScaleReader::bytes(std::size_t max_bytes) {
    const std::size_t size = compact();
    if (size > max_bytes) {
        spoil();
    }
    return take(ok_ ? size : 0);
}

std::uint8_t ScaleReader::variant(std::uint8_t count) {
    const auto read = number<std::uint8_t>();
    if (read >= count) {
        spoil();
        return 0;
    }
    return read;
}

std::uint32_t ScaleReader::at_least(std::uint32_t least, std::uint32_t read) {
    if (read < least) {
        spoil();
    }
    return ok_ ? read : 0;
}

ByteView ScaleReader::take(std::size_t size) {
    if (rest_.size() < size) {
        spoil();
        return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

void ScaleReader::copy_to(MutableBytes to) {
    std::ranges::copy(take(to.size()), to.begin());
}

void ScaleReader::spoil() {
    ok_ = false;
    rest_ = {};
}

}  // namespace diglett::auth::grid
