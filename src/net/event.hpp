#pragma once

#include "base/clock.hpp"
#include "net/async.hpp"
#include "net/timer.hpp"

namespace diglett::net {

/// Wakes one coroutine on the same worker. A notification that nobody waits for is kept until the
/// next wait; several count as one. Outlives its waiter.
class Event {
  public:
    explicit Event(Executor executor) : timer_(executor) {}

    void notify();

    /// @return true when notified (which this uses up), false at `deadline` (kNever: waits for
    /// ever) or when cancelled. One waiter at a time.
    [[nodiscard]] Awaitable<bool> wait_until(TimePoint deadline);

  private:
    Timer timer_;
    bool notified_ = false;
};

}  // namespace diglett::net
