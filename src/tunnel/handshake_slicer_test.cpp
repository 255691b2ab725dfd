#include "tunnel/handshake_slicer.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace diglett::tunnel {
namespace {

using namespace std::string_view_literals;

// A ClientHello's record of 4 bytes, an empty one, and one of 258 bytes.
const std::string kRecords = std::string(
                                 "\x16\x03\x01\x00\x04"
                                 "abcd"sv) +
                             std::string("\x14\x03\x03\x00\x00"sv) +
                             std::string("\x17\x03\x03\x01\x02"sv) + std::string(258, 'x');

TEST(HandshakeSlicer, EndsEachSliceAtTheEndOfARecord) {
    HandshakeSlicer slicer;
    ByteView rest = as_bytes(kRecords);
    std::vector<std::size_t> slices;
    while (!rest.empty()) {
        slices.push_back(slicer.next(rest));
        rest = rest.subspan(slices.back());
    }
    EXPECT_EQ(slices, (std::vector<std::size_t>{9, 5, 263}));
}

TEST(HandshakeSlicer, FindsTheSameEndsWhenBytesComeOneByOneOrCutAnywhere) {
    for (std::size_t piece = 1; piece < kRecords.size(); ++piece) {
        HandshakeSlicer slicer;
        std::size_t fed = 0;
        for (std::size_t come = piece; fed < kRecords.size();
             come = std::min(come + piece, kRecords.size())) {
            while (fed < come) {
                const auto slice = slicer.next(as_bytes(kRecords).subspan(fed, come - fed));
                ASSERT_GE(slice, 1U);
                ASSERT_LE(fed + slice, come);
                for (const std::size_t end : {9U, 14U}) {
                    ASSERT_FALSE(fed < end && fed + slice > end) << "slice passes the record's end";
                }
                fed += slice;
            }
        }
    }
}

TEST(HandshakeSlicer, GoesByteByByteThroughAnythingElse) {
    HandshakeSlicer slicer;
    EXPECT_EQ(slicer.next(as_bytes("diglett")), 1U);
    EXPECT_EQ(slicer.next(as_bytes("\x16\x03\x01")), 1U);
}

}  // namespace
}  // namespace diglett::tunnel
