#pragma once

#include <atomic>
#include <functional>
#include <string_view>

#include "base/clock.hpp"

namespace diglett::net {

/// Says that accepting pauses, at most once a second for all listeners that share it: what they
/// lack is the process's or the machine's, so all of them lack it at once. From any thread.
class PauseReport {
  public:
    /// @param say is called with the reason ("too many open files") on the thread of whichever
    /// listener came first.
    explicit PauseReport(std::function<void(std::string_view why)> say);

    void tell(std::string_view why);

  private:
    std::function<void(std::string_view)> say_;
    std::atomic<TimePoint> next_ = TimePoint::min();
};

}  // namespace diglett::net
