#include "mux/v1_ids.hpp"

#include <gtest/gtest.h>

#include "mux/v1_limits.hpp"

namespace diglett::mux {
namespace {

using namespace std::chrono_literals;

TEST(V1IdSequence, KnowsWhatItHasGivenOutAcrossTheEndOf32Bits) {
    V1IdSequence ids;
    ids.start_at(0xffff);
    EXPECT_FALSE(ids.was_opened(0xffff0001));
    EXPECT_EQ(ids.next(), 0xffff0001U);
    EXPECT_TRUE(ids.was_opened(0xffff0001));
    EXPECT_FALSE(ids.was_opened(0xffff0002));
    for (int i = 0; i < 0xfffe; ++i) {
        ASSERT_TRUE(ids.next().has_value());
    }
    EXPECT_EQ(ids.next(), 0U) << "the numbers below the first one are still unused";
    EXPECT_TRUE(ids.was_opened(0));
    EXPECT_TRUE(ids.was_opened(0xffffffff));
    EXPECT_FALSE(ids.was_opened(1));
}

TEST(V1IgnoredIds, ForgetsAfterItsTimeAndLongerWhenClosedAgain) {
    V1IgnoredIds ignored;
    const TimePoint start{1h};
    ignored.add(7, start);
    EXPECT_TRUE(ignored.contains(7, start + kV1IgnoreClosedId - 1ms));
    ignored.add(7, start + 1s);
    EXPECT_TRUE(ignored.contains(7, start + kV1IgnoreClosedId));
    EXPECT_FALSE(ignored.contains(7, start + kV1IgnoreClosedId + 1s));
}

TEST(V1IgnoredIds, ForgetsTheOldestWhenFull) {
    V1IgnoredIds ignored;
    const TimePoint start{1h};
    ignored.add(0, start);
    for (std::uint32_t id = 1; id <= kV1MaxIgnoredIds; ++id) {
        ignored.add(id, start + 1ms);
    }
    EXPECT_FALSE(ignored.contains(0, start + 1ms));
    EXPECT_TRUE(ignored.contains(static_cast<std::uint32_t>(kV1MaxIgnoredIds), start + 1ms));
}

TEST(V1Drains, WaitsForQuietButNotForEver) {
    V1Drains drains;
    TimePoint now{1h};
    drains.add(1, now, now);
    drains.add(2, now, now);
    for (; now < TimePoint{1h} + kV1LongestDrain; now += 100ms) {
        EXPECT_TRUE(drains.touch(1, now));
        for (const std::uint32_t id : drains.take_due(now)) {
            EXPECT_EQ(id, 2U) << "the other one still speaks";
            EXPECT_LT(now, TimePoint{1h} + 2 * kV1QuietBeforeClose + 100ms);
        }
    }
    EXPECT_EQ(drains.size(), 1U);
    EXPECT_EQ(drains.take_due(drains.deadline()).size(), 1U);
    EXPECT_FALSE(drains.touch(1, now));
}

}  // namespace
}  // namespace diglett::mux
