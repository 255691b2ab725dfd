// A program of reads over a SCALE value. Input: one byte n, n reads, then the value. Must hold:
// what was read before the first mistake encodes to what was consumed, and after it nothing is
// read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "auth/grid/scale.hpp"
#include "base/assert.hpp"
#include "test/support/scale_writer.hpp"

namespace {

using namespace diglett;

template <class Value>
Value keep(Value value, bool ok) {
    DIGLETT_ASSERT(ok || value == Value{});
    return value;
}

void read_number(unsigned size, auth::grid::ScaleReader& reader, test::ScaleWriter& writer) {
    switch (size) {
        case 0:
            return writer.number(keep(reader.number<std::uint8_t>(), reader.ok()));
        case 1:
            return writer.number(keep(reader.number<std::uint16_t>(), reader.ok()));
        case 2:
            return writer.number(keep(reader.number<std::uint32_t>(), reader.ok()));
        default:
            return writer.number(keep(reader.number<std::uint64_t>(), reader.ok()));
    }
}

void read(unsigned what, auth::grid::ScaleReader& reader, test::ScaleWriter& writer) {
    const unsigned argument = what >> 3U;
    switch (what & 7U) {
        case 0:
            return read_number(argument & 3U, reader, writer);
        case 1: {
            const auto value = reader.compact();
            return writer.compact(keep(value, reader.ok()));
        }
        case 2: {
            const auto bytes = reader.bytes(std::size_t{argument} * 8);
            DIGLETT_ASSERT(bytes.size() <= std::size_t{argument} * 8);
            DIGLETT_ASSERT(reader.ok() || bytes.empty());
            return writer.bytes(bytes);
        }
        case 3: {
            const auto value = reader.variant(static_cast<std::uint8_t>(argument + 1));
            DIGLETT_ASSERT(value <= argument);
            return writer.number(keep(value, reader.ok()));
        }
        case 4:
            return writer.number(static_cast<std::uint8_t>(reader.is_some() ? 1 : 0));
        default: {
            const auto bytes = reader.fixed<7>();
            return writer.raw(keep(bytes, reader.ok()));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    const std::size_t reads = size > 0 ? data[0] : 0;
    if (size < 1 + reads) {
        return 0;
    }
    const auto value = input.subspan(1 + reads);
    auth::grid::ScaleReader reader(value);
    test::ScaleWriter writer;
    for (std::size_t i = 1; i <= reads && reader.ok(); ++i) {
        const auto before = writer.written().size();
        read(data[i], reader, writer);
        if (!reader.ok()) {
            DIGLETT_ASSERT(reader.compact() == 0 && reader.bytes().empty());
            DIGLETT_ASSERT(!reader.finished());
            return 0;
        }
        DIGLETT_ASSERT(writer.written().size() >= before);
    }
    const ByteView consumed = writer.written();
    DIGLETT_ASSERT(consumed.size() <= value.size());
    DIGLETT_ASSERT(std::ranges::equal(consumed, value.first(consumed.size())));
    DIGLETT_ASSERT(reader.finished() == (consumed.size() == value.size()));
    return 0;
}
