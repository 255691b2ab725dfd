#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace diglett::gateway {

/// Counts the process's descriptors, so that visitors never take the last ones from agents: all
/// that is open counts, but only visitors and helper ports are kept waiting. Safe from any thread.
class VisitorPlaces {
  public:
    /// @param limit places for visitors, everything else that is open counted.
    /// @param reserve places above `limit` for what is not a visitor.
    VisitorPlaces(std::size_t limit, std::size_t reserve) : limit_(limit), reserve_(reserve) {}

    VisitorPlaces(const VisitorPlaces&) = delete;
    VisitorPlaces& operator=(const VisitorPlaces&) = delete;

    /// A place for a visitor, held as long as the returned object lives; null when all are taken.
    [[nodiscard]] std::shared_ptr<void> take() { return take_below(limit_); }

    /// The same for a helper port: half of the reserve is open to it, so that an agent has its
    /// names however many visitors there are, while other agents can still come.
    [[nodiscard]] std::shared_ptr<void> take_for_port() {
        return take_below(limit_ + reserve_ / 2);
    }

    /// A place for what is open in any case, such as an agent's connection: always there.
    [[nodiscard]] std::shared_ptr<void> occupy() {
        taken_.fetch_add(1, std::memory_order_relaxed);
        return held();
    }

    /// `count` more are open, for ever.
    void set_aside(std::size_t count) { taken_.fetch_add(count, std::memory_order_relaxed); }

    [[nodiscard]] bool full() const { return taken_.load(std::memory_order_relaxed) >= limit_; }

  private:
    [[nodiscard]] std::shared_ptr<void> take_below(std::size_t limit) {
        if (taken_.fetch_add(1, std::memory_order_relaxed) >= limit) {
            taken_.fetch_sub(1, std::memory_order_relaxed);
            return nullptr;
        }
        return held();
    }

    [[nodiscard]] std::shared_ptr<void> held() {
        return {this, [](VisitorPlaces* places) {
                    places->taken_.fetch_sub(1, std::memory_order_relaxed);
                }};
    }

    std::size_t limit_;
    std::size_t reserve_;
    std::atomic<std::size_t> taken_{0};
};

}  // namespace diglett::gateway
