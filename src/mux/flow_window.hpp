#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace diglett::mux {

/// How far a sender may run ahead: a multiple of what moved on in the last round trip.
/// (protocol 5.1, 5.2)
class FlowWindow {
  public:
    /// What is known when bytes have moved on.
    struct Circumstances {
        Duration round_trip{};     ///< Zero: not measured yet; the window then never shrinks.
        double multiple = 2;       ///< Of what moved; above 1, or the window could never grow.
        std::uint64_t most = 0;    ///< The window grows up to this.
        std::uint64_t least = 0;   ///< It shrinks down to this.
        bool may_grow = true;      ///< Memory is not short.
        bool has_backlog = false;  ///< The reader is behind; only then does the window shrink.
    };

    FlowWindow(std::uint64_t initial_bytes, TimePoint now) : size_(initial_bytes), since_(now) {}

    [[nodiscard]] std::uint64_t size() const { return size_; }

    /// `bytes` have moved on. Grows at once; shrinks when a round trip (at least kMinMeasureSpan)
    /// has gone by since the last one.
    void on_moved(std::uint64_t bytes, TimePoint now, const Circumstances& circumstances);

  private:
    std::uint64_t size_;
    std::uint64_t moved_ = 0;
    TimePoint since_;
};

}  // namespace diglett::mux
