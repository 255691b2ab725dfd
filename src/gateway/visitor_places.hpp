#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace diglett::gateway {

/// Counts the sockets of visitors and the helper ports they come to, so that these never take the
/// last descriptors from agents. Safe from any thread.
class VisitorPlaces {
  public:
    explicit VisitorPlaces(std::size_t limit) : limit_(limit) {}

    /// A place, held as long as the returned object lives; null when all are taken.
    [[nodiscard]] std::shared_ptr<void> take() {
        if (taken_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
            taken_.fetch_sub(1, std::memory_order_relaxed);
            return nullptr;
        }
        return {this, [](VisitorPlaces* places) {
                    places->taken_.fetch_sub(1, std::memory_order_relaxed);
                }};
    }

    [[nodiscard]] bool full() const { return taken_.load(std::memory_order_relaxed) >= limit_; }

  private:
    std::size_t limit_;
    std::atomic<std::size_t> taken_{0};
};

}  // namespace diglett::gateway
