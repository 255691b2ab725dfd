// When an agent comes back. (protocol 7.5)
#include "agent/comeback.hpp"

#include <gtest/gtest.h>

#include "agent/limits.hpp"

namespace diglett::agent {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart = TimePoint() + 1h;

const SessionEnd kRefused{.why = {Errc::GatewayUnreachable, "refused"},
                          .is_connection_refused = true};
const SessionEnd kNoAnswer{.why = {Errc::GatewayUnreachable, "no answer in time"}};

Comeback comeback_with(double random) {
    return Comeback([random] { return random; });
}

TEST(Comeback, SpreadsOnlyTheFirstTryAfterARefusedConnection) {
    auto comeback = comeback_with(0.75);
    TimePoint now = kStart;
    EXPECT_EQ(comeback.pause_after({.why = {Errc::ConnectionLost, "lost"}}, now), 0ms);
    EXPECT_EQ(comeback.pause_after(kRefused, now), 1'500ms);
    now += 1'500ms;
    for (int attempt = 0; attempt < 20; ++attempt, now += 500ms) {
        EXPECT_EQ(comeback.pause_after(kRefused, now), 500ms) << attempt;
    }
}

/// Else the back-off would begin anew each time, for ever.
TEST(Comeback, TakesNoAttemptForASessionHoweverLongItLasted) {
    auto comeback = comeback_with(0.5);
    TimePoint now = kStart;
    while (now < kStart + 5min) {
        EXPECT_EQ(comeback.pause_after(kNoAnswer, now), 0ms);
        now += kDialTimeout;
    }
    EXPECT_EQ(comeback.pause_after(kNoAnswer, now), 2'500ms) << "the five minutes are over";
}

TEST(Comeback, BeginsAnewAfterASteadySession) {
    const TimePoint end = kStart + 10min;
    const SessionEnd brief{.why = {Errc::ConnectionLost, "lost"},
                           .welcome_at = end - kSteadySession + 1ms};
    const SessionEnd steady{.why = {Errc::ConnectionLost, "lost"},
                            .welcome_at = end - kSteadySession};
    auto comeback = comeback_with(0.5);
    EXPECT_EQ(comeback.pause_after(kRefused, kStart), 1s);
    EXPECT_EQ(comeback.pause_after(brief, end), 2'500ms);
    EXPECT_EQ(comeback.pause_after(steady, end), 0ms);
    EXPECT_EQ(comeback.pause_after(kRefused, end), 1s) << "spread once more in a new series";
}

TEST(Comeback, WaitsAsLongAsTheGatewayAsks) {
    auto comeback = comeback_with(0.5);
    EXPECT_EQ(comeback.pause_after({.why = {Errc::TryLater, ""}, .retry_after = 8s}, kStart), 8s);
    EXPECT_EQ(comeback.pause_after({.why = {Errc::TryLater, ""}, .retry_after = 1s}, kStart + 8s),
              1s);
    EXPECT_EQ(comeback.pause_after({.why = {Errc::TryLater, ""}, .retry_after = 1s}, kStart + 6min),
              2'500ms)
        << "the longer of the two";
}

}  // namespace
}  // namespace diglett::agent
