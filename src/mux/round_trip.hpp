#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace diglett::mux {

/// The smoothed round trip of a carrier, from Pings, and from Acks where they say less.
class RoundTrip {
  public:
    /// Zero before the first measurement.
    [[nodiscard]] Duration smoothed() const { return smoothed_; }

    /// The token for a Ping that leaves now, or none while one is under way.
    [[nodiscard]] std::optional<std::uint64_t> start_ping(TimePoint now);

    [[nodiscard]] bool is_ping_under_way() const { return ping_sent_.has_value(); }

    /// Whether it is time to measure again.
    [[nodiscard]] bool is_stale(TimePoint now) const;

    /// @return whether `token` is that of the Ping under way.
    [[nodiscard]] bool on_pong(std::uint64_t token, TimePoint now);

    /// Journal bytes up to `position` leave now; one position is timed at a time.
    void on_sent(std::uint64_t position, TimePoint now);

    /// The peer acknowledged `position`, maybe late: such a sample only lowers the estimate.
    void on_acknowledged(std::uint64_t position, TimePoint now);

    /// The carrier is gone, and with it what was under way.
    void on_detached();

  private:
    struct Timed {
        std::uint64_t position;
        TimePoint at;
    };

    Duration smoothed_{};
    std::uint64_t token_ = 0;
    TimePoint measured_at_{};
    std::optional<TimePoint> ping_sent_;
    std::optional<Timed> timed_;
};

}  // namespace diglett::mux
