#include "mux/keepalive.hpp"

#include "mux/limits.hpp"

namespace diglett::mux {

Keepalive::Keepalive(Duration jitter, TimePoint now) : jitter_(jitter), last_heard_(now) {}

void Keepalive::heard(TimePoint now) {
    last_heard_ = now;
    pinged_ = false;
}

Keepalive::Due Keepalive::check(TimePoint now) {
    if (now >= last_heard_ + kDeadAfterSilence) {
        return Due::Dead;
    }
    if (!pinged_ && now >= last_heard_ + kPingAfterSilence + jitter_) {
        pinged_ = true;
        return Due::Ping;
    }
    return Due::Nothing;
}

TimePoint Keepalive::deadline() const {
    return pinged_ ? last_heard_ + kDeadAfterSilence : last_heard_ + kPingAfterSilence + jitter_;
}

}  // namespace diglett::mux
