#pragma once

#include <cstddef>
#include <expected>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "net/async.hpp"
#include "net/event.hpp"

namespace diglett::auth::grid {

/// Lets so many go at once and has the rest wait, source by source in turn, so that one source with
/// many wishes delays another's by one wish at most. On one worker. Outlives its slots and waiters.
class FairQueue {
  public:
    struct Limits {
        std::size_t at_once = 64;
        std::size_t waiting = 1024;            ///< All sources together.
        std::size_t waiting_per_source = 128;  ///< As many as one source may have pending logins.
    };

    enum class Refusal { Full, TimedOut };

    /// The right to go; gives it to the next waiter when it goes.
    class Slot {
      public:
        explicit Slot(FairQueue& queue) : queue_(&queue) {}

        Slot(Slot&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}

        Slot& operator=(Slot&&) = delete;

        ~Slot() {
            if (queue_ != nullptr) {
                queue_->leave();
            }
        }

      private:
        FairQueue* queue_;
    };

    FairQueue(net::Executor executor, Limits limits) : executor_(executor), limits_(limits) {}

    FairQueue(const FairQueue&) = delete;
    FairQueue& operator=(const FairQueue&) = delete;

    /// @return Full at once; TimedOut at `deadline` or when cancelled.
    [[nodiscard]] net::Awaitable<std::expected<Slot, Refusal>> enter(std::string source,
                                                                     TimePoint deadline);

    [[nodiscard]] net::Executor executor() const { return executor_; }

    [[nodiscard]] const Limits& limits() const { return limits_; }

    [[nodiscard]] std::size_t in_use() const { return in_use_; }

    [[nodiscard]] std::size_t waiting() const { return waiting_; }

  private:
    struct Waiter;
    using Line = std::list<Waiter*>;

    void leave();

    net::Executor executor_;
    Limits limits_;
    std::size_t in_use_ = 0;
    std::size_t waiting_ = 0;
    std::map<std::string, Line> lines_;  ///< Never an empty one.
    std::string last_served_;
};

}  // namespace diglett::auth::grid
