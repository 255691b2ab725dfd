#include "mux/link.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace diglett::mux {

using wire::FrameKind;

Link::Link(Options options, ChunkPool& pool, MultiplexerEvents& events, TimePoint now)
    : options_(options),
      events_(events),
      opening_(options.role),
      now_(now),
      keepalive_(options.ping_jitter, now),
      noise_(now),
      journal_(pool),
      credit_(options.link_limit, options.max_buffered, options.budget, now) {}

Link::~Link() {
    // Streams go before the lists that point to them, and nobody is told: abort_all() is for that.
    scheduler_.clear();
    control_.abandon();
    streams_.for_each([](Stream& stream) {
        if (stream.io != nullptr) {
            stream.io->abort(wire::ResetReason::SessionEnded);
        }
    });
}

Status Link::send_message(FrameKind kind, std::uint32_t id, ByteView payload) {
    const std::size_t size = wire::kHeaderBytes + payload.size();
    if (payload.size() > wire::kMaxMessageBytes ||
        message_bytes_ + unlogged_.size() + size > kMaxQueuedMessageBytes) {
        return fail(Errc::LimitReached,
                    fmt::format("no room for {} of {} bytes", wire::to_string(kind), size));
    }
    opening_.on_sent(kind);
    if (wire::is_logged(kind)) {
        messages_.push_back(Message{kind, id, ByteVector(payload.begin(), payload.end())});
        message_bytes_ += size;
        return {};
    }
    has_sent_hello_ = has_sent_hello_ || kind == FrameKind::Hello;
    wire::append_frame(kind, id, payload, unlogged_);
    return {};
}

Status Link::on_time(TimePoint now) {
    now_ = now;
    if (is_attached_) {
        const Keepalive::Due due = keepalive_.check(now);
        if (due == Keepalive::Due::Dead) {
            return fail(Errc::ConnectionLost, "the peer has been silent for 15 s");
        }
        is_ping_wanted_ = is_ping_wanted_ || due == Keepalive::Due::Ping;
        if (unacked_since_ != kNever && now >= unacked_since_ + kStuckAfter) {
            return fail(Errc::TimedOut, "the peer has acknowledged nothing for 30 s");
        }
        if (now >= ack_at_) {
            is_ack_due_ = true;
            ack_at_ = kNever;
        }
    }
    if (now >= hog_check_at_) {
        enforce_hog_rule();
    }
    deliver_ended();
    return {};
}

TimePoint Link::deadline() const {
    TimePoint earliest = hog_check_at_;
    if (is_attached_) {
        earliest = std::min({earliest, keepalive_.deadline(), ack_at_});
        if (unacked_since_ != kNever) {
            earliest = std::min<TimePoint>(earliest, unacked_since_ + kStuckAfter);
        }
    }
    if (!ended_.empty()) {
        earliest = std::min<TimePoint>(earliest, ended_since_ + kEndedNoticeDelay);
    }
    return earliest;
}

std::size_t Link::stream_count() const {
    return streams_.size() - resetting_;
}

TimePoint Link::last_heard() const {
    return keepalive_.last_heard();
}

bool Link::is_used_up() const {
    return highest_.value >= options_.max_stream_id ||
           std::max(journal_.end(), credit_.received()) >= options_.max_link_bytes;
}

Duration Link::round_trip() const {
    return round_trip_.smoothed();
}

void Link::ping(TimePoint now) {
    now_ = now;
    is_ping_wanted_ = is_ping_wanted_ || !round_trip_.is_ping_under_way();
}

Link::Figures Link::figures() const {
    return {.acked = journal_.acked(),
            .end = journal_.end(),
            .received = credit_.received(),
            .promised = credit_.promised(),
            .buffered = credit_.buffered(),
            .chunks = journal_.chunks(),
            .remembered = streams_.remembered()};
}

}  // namespace diglett::mux
