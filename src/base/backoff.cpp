#include "base/backoff.hpp"

#include <algorithm>
#include <utility>

namespace diglett {
namespace {

Duration scaled(Duration whole, double part) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(whole) * part);
}

}  // namespace

Backoff::Backoff(BackoffOptions options, RandomUnit random)
    : options_(options), random_(std::move(random)) {}

Duration Backoff::next(TimePoint now) {
    if (!running_) {
        series_began_ = now;
    }
    Duration wait = pause(now);
    if (std::exchange(spread_, false)) {
        wait = std::max(wait, scaled(options_.first_jitter, random_()));
    }
    running_ = true;
    last_attempt_ = now + wait;
    return wait;
}

Duration Backoff::pause(TimePoint now) const {
    if (!running_) {
        return Duration::zero();
    }
    if (now - series_began_ < options_.early) {
        // From start to start: an attempt that itself took long is followed by the next at once.
        return std::max(Duration::zero(), last_attempt_ + options_.interval - now);
    }
    return scaled(options_.cap, random_());
}

void Backoff::spread_once() {
    if (!std::exchange(has_spread_, true)) {
        spread_ = true;
    }
}

void Backoff::reset() {
    running_ = false;
    spread_ = false;
    has_spread_ = false;
}

}  // namespace diglett
