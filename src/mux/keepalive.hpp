#pragma once

#include "base/clock.hpp"

namespace diglett::mux {

/// Whether the peer is alive: any byte counts; silence earns one Ping, more silence means death.
/// (protocol 8.1)
class Keepalive {
  public:
    enum class Due : unsigned char { Nothing, Ping, Dead };

    /// `jitter` (0 to 1 s) is added to kPingAfterSilence, so that links do not ping in step.
    Keepalive(Duration jitter, TimePoint now);

    void heard(TimePoint now);

    /// What is due at `now`; Ping once in each silence.
    [[nodiscard]] Due check(TimePoint now);

    [[nodiscard]] TimePoint deadline() const;

    [[nodiscard]] TimePoint last_heard() const { return last_heard_; }

  private:
    Duration jitter_;
    TimePoint last_heard_;
    bool pinged_ = false;
};

}  // namespace diglett::mux
