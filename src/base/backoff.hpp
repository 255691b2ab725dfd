#pragma once

#include <functional>

#include "base/clock.hpp"

namespace diglett {

/// Uniform in [0, 1). Tests give a fixed one.
using RandomUnit = std::function<double()>;

struct BackoffOptions {
    Duration interval =
        std::chrono::milliseconds(500);        ///< Between the starts of two early attempts.
    Duration early = std::chrono::minutes(5);  ///< How long attempts come at `interval`.
    Duration cap = std::chrono::seconds(5);    ///< Later: pauses uniform in [0, cap) (full jitter).
    Duration first_jitter = std::chrono::seconds(2);  ///< What spread_once() asks for at most.
};

/// When to try again (protocol 7.5): at once, then every 500 ms for 5 minutes, then after pauses
/// uniform in [0, 5 s), so that a gateway which comes back after a long time meets no herd.
class Backoff {
  public:
    Backoff(BackoffOptions options, RandomUnit random);

    /// How long to wait, from `now`, before the next attempt; counts that attempt as made then.
    /// @param now when the last attempt failed, never earlier than in the call before.
    [[nodiscard]] Duration next(TimePoint now);

    /// The next pause is at least a jitter of up to `first_jitter`: many agents lost the same
    /// gateway at the same moment (after `unknown`, or a refused connection). Only the first call
    /// in a series has an effect.
    void spread_once();

    /// An attempt succeeded: the next series starts at once again.
    void reset();

  private:
    [[nodiscard]] Duration pause(TimePoint now) const;

    BackoffOptions options_;
    RandomUnit random_;
    bool running_ = false;
    bool spread_ = false;
    bool has_spread_ = false;
    TimePoint series_began_;
    TimePoint last_attempt_;
};

}  // namespace diglett
