#include "mux/round_trip.hpp"

#include <algorithm>

#include "mux/limits.hpp"

namespace diglett::mux {

namespace {

// A sample of zero would mean "not measured".
constexpr Duration kLeast = std::chrono::microseconds{1};

}  // namespace

std::optional<std::uint64_t> RoundTrip::start_ping(TimePoint now) {
    if (ping_sent_) {
        return std::nullopt;
    }
    ping_sent_ = now;
    return ++token_;
}

bool RoundTrip::is_stale(TimePoint now) const {
    return !ping_sent_ && (smoothed_ == Duration{} || now - measured_at_ >= kMeasureEvery);
}

bool RoundTrip::on_pong(std::uint64_t token, TimePoint now) {
    if (!ping_sent_ || token != token_) {
        return false;
    }
    const Duration sample = std::max<Duration>(now - *ping_sent_, kLeast);
    smoothed_ = smoothed_ == Duration{} ? sample : (smoothed_ * 7 + sample) / 8;
    measured_at_ = now;
    ping_sent_.reset();
    return true;
}

void RoundTrip::on_sent(std::uint64_t position, TimePoint now) {
    if (!timed_) {
        timed_ = Timed{position, now};
    }
}

void RoundTrip::on_acknowledged(std::uint64_t position, TimePoint now) {
    if (!timed_ || position < timed_->position) {
        return;
    }
    const Duration sample = std::max<Duration>(now - timed_->at, kLeast);
    if (smoothed_ != Duration{} && sample < smoothed_) {
        smoothed_ = (smoothed_ * 7 + sample) / 8;
    }
    timed_.reset();
}

void RoundTrip::on_detached() {
    ping_sent_.reset();
    timed_.reset();
}

}  // namespace diglett::mux
