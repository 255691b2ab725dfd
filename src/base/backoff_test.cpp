#include "base/backoff.hpp"

#include <gtest/gtest.h>

namespace diglett {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart = TimePoint() + 1h;

Backoff backoff_with(double random) {
    return Backoff({}, [random] { return random; });
}

TEST(Backoff, TriesAtOnceThenEveryHalfSecond) {
    auto backoff = backoff_with(0.5);
    EXPECT_EQ(backoff.next(kStart), 0ms);
    EXPECT_EQ(backoff.next(kStart), 500ms);
    EXPECT_EQ(backoff.next(kStart + 500ms), 500ms);
}

TEST(Backoff, CountsFromTheStartOfTheLastAttempt) {
    auto backoff = backoff_with(0.5);
    EXPECT_EQ(backoff.next(kStart), 0ms);
    EXPECT_EQ(backoff.next(kStart + 200ms), 300ms);
    EXPECT_EQ(backoff.next(kStart + 5'500ms), 0ms);
}

TEST(Backoff, NeverTriesMoreOftenThanTwiceASecondForFiveMinutes) {
    auto backoff = backoff_with(0.5);
    TimePoint now = kStart;
    int attempts = 0;
    while (now < kStart + 5min) {
        now += backoff.next(now);
        ++attempts;
    }
    EXPECT_EQ(attempts, 601);
}

TEST(Backoff, ThenSpreadsOverFiveSeconds) {
    for (const double random : {0.0, 0.25, 0.999}) {
        auto backoff = backoff_with(random);
        EXPECT_EQ(backoff.next(kStart), 0ms);
        const auto wait = std::chrono::duration<double>(backoff.next(kStart + 5min));
        EXPECT_NEAR(wait.count(), 5 * random, 1e-6);
    }
}

TEST(Backoff, BeginsAnewAfterASuccess) {
    auto backoff = backoff_with(0.5);
    EXPECT_EQ(backoff.next(kStart), 0ms);
    EXPECT_EQ(backoff.next(kStart + 6min), 2'500ms);
    backoff.reset();
    EXPECT_EQ(backoff.next(kStart + 7min), 0ms);
    EXPECT_EQ(backoff.next(kStart + 7min), 500ms);
}

TEST(Backoff, SpreadsOneAttemptOfASeriesWhenAsked) {
    auto backoff = backoff_with(0.75);
    EXPECT_EQ(backoff.next(kStart), 0ms);
    backoff.spread_once();
    EXPECT_EQ(backoff.next(kStart), 1'500ms) << "not in addition to the 500 ms";
    backoff.spread_once();
    EXPECT_EQ(backoff.next(kStart + 1'500ms), 500ms);
    backoff.reset();
    backoff.spread_once();
    EXPECT_EQ(backoff.next(kStart + 2s), 1'500ms) << "a new series";
    backoff.reset();
    backoff.spread_once();
    backoff.reset();
    EXPECT_EQ(backoff.next(kStart + 4s), 0ms);
}

}  // namespace
}  // namespace diglett
