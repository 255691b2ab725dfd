#pragma once

#include <utility>

#include "agent/session.hpp"
#include "base/backoff.hpp"

namespace diglett::agent {

/// When an agent whose session ended, or never came about, tries again (protocol 7.5). Knows no
/// clock; the time is an argument.
class Comeback {
  public:
    explicit Comeback(RandomUnit random) : backoff_({}, std::move(random)) {}

    /// @param now when the attempt ended, never earlier than in the call before.
    /// @return how long to wait from `now`: as the back-off says or as the gateway asks, whichever
    /// is longer.
    [[nodiscard]] Duration pause_after(const SessionEnd& end, TimePoint now);

  private:
    Backoff backoff_;
};

}  // namespace diglett::agent
