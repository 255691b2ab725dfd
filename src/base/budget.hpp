#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace diglett {

/// Bytes the whole process may hold for streams, shared by all workers; every method from any
/// thread. Nothing is ever refused by the budget itself: users ask for the level and act on it.
class MemoryBudget {
  public:
    enum class Level : unsigned char {
        Normal,    ///< Below 85 %.
        Tight,     ///< 85 %: no window grows any more.
        Full,      ///< 95 %: no new stream.
        Critical,  ///< 98 %: no new connection either, until below 80 %.
    };

    /// `total_bytes` > 0.
    explicit MemoryBudget(std::uint64_t total_bytes) : total_(total_bytes) {}

    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    void take(std::uint64_t bytes) {
        const std::uint64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
        if (now >= share(95) && !is_short_.load(std::memory_order_relaxed)) {
            is_short_.store(true, std::memory_order_relaxed);
        }
    }

    /// @pre at most what was taken.
    void give_back(std::uint64_t bytes) {
        const std::uint64_t left = used_.fetch_sub(bytes, std::memory_order_relaxed) - bytes;
        if (is_short_.load(std::memory_order_relaxed) && left < share(80)) {
            is_short_.store(false, std::memory_order_relaxed);
        }
    }

    [[nodiscard]] std::uint64_t total() const { return total_; }

    [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t remaining() const {
        const std::uint64_t now = used();
        return now < total_ ? total_ - now : 0;
    }

    [[nodiscard]] Level level() const {
        const std::uint64_t now = used();
        if (now >= share(98)) {
            return Level::Critical;
        }
        if (now >= share(95)) {
            return Level::Full;
        }
        return now >= share(85) ? Level::Tight : Level::Normal;
    }

    /// Below 80 %: whoever stopped at Critical may go on.
    [[nodiscard]] bool has_recovered() const { return used() < share(80); }

    /// From Full until it has recovered, for all users alike: whoever holds bytes for a peer that
    /// stands still should let go of them.
    [[nodiscard]] bool is_short() const {
        // Above and below for the case that two threads met in take() and give_back().
        const std::uint64_t now = used();
        return now >= share(95) || (now >= share(80) && is_short_.load(std::memory_order_relaxed));
    }

    /// A user tells the others that it holds bytes for a peer that stands still. While there are
    /// such, those that only move slowly can be spared.
    void note_stuck(TimePoint now) {
        stuck_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }

    /// When that was last told; TimePoint::min() when never.
    [[nodiscard]] TimePoint stuck_at() const {
        return TimePoint(Duration(stuck_at_.load(std::memory_order_relaxed)));
    }

  private:
    [[nodiscard]] std::uint64_t share(std::uint64_t percent) const {
        return total_ / 100 * percent + total_ % 100 * percent / 100;
    }

    const std::uint64_t total_;
    std::atomic<std::uint64_t> used_{0};
    std::atomic<bool> is_short_{false};
    std::atomic<Duration::rep> stuck_at_{TimePoint::min().time_since_epoch().count()};
};

}  // namespace diglett
