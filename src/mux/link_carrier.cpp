// Link: what a change of carriers does. (protocol 7)
#include <algorithm>

#include "base/assert.hpp"
#include "mux/link.hpp"

namespace diglett::mux {

Link::ResumePoint Link::resume_point() {
    acknowledged_ = credit_.received();
    return {.received = acknowledged_, .limit = credit_.promise()};
}

void Link::detach(TimePoint now) {
    now_ = now;
    is_attached_ = false;
    reader_.drop_partial();
    unlogged_.clear();
    pongs_.clear();
    is_ping_wanted_ = false;
    is_ack_due_ = false;
    ack_at_ = kNever;
    unacked_since_ = kNever;
    round_trip_.on_detached();
}

std::expected<void, wire::RefusalCode> Link::attach_carrier(std::uint32_t epoch,
                                                            std::uint64_t peer_received,
                                                            std::uint64_t peer_limit,
                                                            TimePoint now) {
    if (epoch <= epoch_) {
        return std::unexpected(wire::RefusalCode::Stale);
    }
    if (!journal_.is_valid_ack(peer_received)) {
        return std::unexpected(wire::RefusalCode::Position);
    }
    detach(now);
    epoch_ = epoch;
    const Status acknowledged = journal_.acknowledge(peer_received);
    DIGLETT_ASSERT(acknowledged.has_value());
    streams_.release(journal_.acked());
    journal_.rewind();
    raise_peer_limit(peer_limit);
    keepalive_ = Keepalive(options_.ping_jitter, now);
    // The peer may still replay a whole ring, written before it knew what we have ended since.
    replay_until_ = credit_.received() + kMaxRingBytes + kControlReserveBytes;
    is_attached_ = true;
    schedule_ack();
    return {};
}

}  // namespace diglett::mux
