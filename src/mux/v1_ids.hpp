#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace diglett::mux {

/// The gateway's stream ids: growing, each used once, the high half the registration's number while
/// the low half lasts. The original used the visitor's port instead, so late bytes of one visitor
/// reached the next.
class V1IdSequence {
  public:
    /// Restarts behind `registration << 16`; only before the first next().
    void start_at(std::uint16_t registration);

    /// @return nothing when all 2^32 ids are used up.
    [[nodiscard]] std::optional<std::uint32_t> next();

    [[nodiscard]] bool is_used_up() const { return count_ > UINT32_MAX; }

    /// Whether next() has ever returned `id`.
    [[nodiscard]] bool was_opened(std::uint32_t id) const;

  private:
    std::uint32_t first_ = 1;
    std::uint64_t count_ = 0;
};

/// Streams whose visitor has left while the agent is still sending: gone but for the Close that is
/// owed.
class V1Drains {
  public:
    /// `heard`: when the last Payload came.
    void add(std::uint32_t id, TimePoint heard, TimePoint now);

    /// A Payload came for `id`. @return whether it belongs to a drain.
    bool touch(std::uint32_t id, TimePoint now);

    /// @return whether there was one.
    bool erase(std::uint32_t id) { return drains_.erase(id) != 0; }

    /// Removes and returns those that are quiet, or have taken too long.
    [[nodiscard]] std::vector<std::uint32_t> take_due(TimePoint now);

    /// When take_due() should be called next.
    [[nodiscard]] TimePoint deadline() const;

    [[nodiscard]] std::size_t size() const { return drains_.size(); }

    void clear();

  private:
    struct Drain {
        TimePoint heard;
        TimePoint until;
    };

    std::unordered_map<std::uint32_t, Drain> drains_;
    /// When to look at which; each is pushed with the same delay, so the order is that of time. May
    /// hold ids of drains that are over.
    std::deque<std::pair<TimePoint, std::uint32_t>> checks_;
};

/// Ids that the agent closed a moment ago. (kV1IgnoreClosedId)
class V1IgnoredIds {
  public:
    void add(std::uint32_t id, TimePoint now);

    void erase(std::uint32_t id) { until_.erase(id); }

    [[nodiscard]] bool contains(std::uint32_t id, TimePoint now);

    void clear();

  private:
    void forget_before(TimePoint now);

    std::unordered_map<std::uint32_t, TimePoint> until_;
    std::deque<std::pair<TimePoint, std::uint32_t>> order_;
};

}  // namespace diglett::mux
