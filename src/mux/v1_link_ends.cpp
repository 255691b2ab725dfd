#include <algorithm>
#include <vector>

#include "mux/limits.hpp"
#include "mux/v1_link.hpp"

namespace diglett::mux {

using wire::FrameKind;
using wire::ResetReason;
using State = IoResult::State;

// ---- What the outside ends do

/// Writes what is kept, and after the peer's Close the FIN. @return whether the stream is still
/// there.
bool V1Link::flush(Stream& stream) {
    while (!stream.spill.empty()) {
        const std::size_t before = stream.spill.size();
        std::array<ByteView, kMaxWriteSegments> segments;
        const std::size_t count = stream.spill.front(segments);
        const IoResult result = stream.io->write(std::span(segments).first(count));
        stream.spill.consume(result.bytes);
        account(stream, before);
        if (result.bytes > 0) {
            stream.progress = now_;
        }
        if (result.state == State::Failed) {
            leave(stream, ResetReason::Aborted);
            return false;
        }
        if (result.state == State::Blocked || result.bytes == 0) {
            want_write(stream);
            return true;
        }
    }
    if (stream.phase != Stream::Phase::Flushing || stream.has_sent_fin) {
        return true;
    }
    stream.has_sent_fin = true;
    stream.io->shutdown_write();
    if (stream.has_outside_ended) {
        finish(stream);
        return false;
    }
    set_due(stream, now_ + kV1Linger);
    return true;
}

/// After the peer's Close nobody gets what the outside still sends. It is read all the same:
/// closing a socket with unread bytes resets it, and that would take from the visitor what is still
/// on its way.
void V1Link::discard_input(Stream& stream) {
    std::array<std::byte, 16 * 1024> buffer;
    const MutableBytes room(buffer);
    for (int i = 0; i < kV1MaxDiscards; ++i) {
        const IoResult result = stream.io->read(std::span(&room, 1));
        if (result.state == State::Failed) {
            abort(stream, ResetReason::Aborted);
            return;
        }
        if (result.state == State::End) {
            stream.has_outside_ended = true;
            if (stream.has_sent_fin) {
                finish(stream);
            }
            return;
        }
        if (result.state == State::Blocked || result.bytes == 0) {
            break;
        }
    }
    want_read(stream);
}

// ---- Time

Status V1Link::on_time(TimePoint now) {
    now_ = now;
    for (const std::uint32_t wire_id : drains_.take_due(now)) {
        queue_control(FrameKind::End, wire_id, {});
    }
    while (!timers_.empty() && timers_.begin()->first <= now) {
        Stream* stream = find(timers_.begin()->second);
        timers_.erase(timers_.begin());
        if (stream != nullptr) {
            stream->due = kNever;
            on_due(*stream);
        }
    }
    if (patience_ends_ <= now) {
        end_full_streams();
    }
    tell_ended();
    return {};
}

void V1Link::tell_ended() {
    // The owner may end further streams from within.
    while (!ended_.empty()) {
        for (const StreamId id : std::exchange(ended_, {})) {
            events_.on_stream_ended(id);
        }
    }
}

TimePoint V1Link::deadline() const {
    const TimePoint timer = timers_.empty() ? kNever : timers_.begin()->first;
    const TimePoint notice = ended_.empty() ? kNever : notice_due_;
    return std::min({timer, notice, drains_.deadline(), patience_ends_});
}

void V1Link::on_due(Stream& stream) {
    if (stream.has_sent_fin) {
        finish(stream);  // It had kV1Linger to end by itself.
        return;
    }
    // While bytes are kept for the outside end, only its own standstill counts.
    const bool is_flushing = !stream.spill.empty() || stream.phase == Stream::Phase::Flushing;
    const TimePoint due = is_flushing ? stream.progress + kV1LongestStall
                                      : std::max(stream.heard, stream.progress) + kV1BackendSilence;
    if (due > now_) {
        set_due(stream, due);
    } else if (is_paused() && !is_flushing) {
        set_due(stream, now_ + kV1BackendSilence);  // The backend cannot be heard now.
    } else {
        leave(stream, is_flushing ? ResetReason::SlowReader : ResetReason::Aborted);
    }
}

/// Others have waited long enough.
void V1Link::end_full_streams() {
    std::vector<std::pair<std::size_t, StreamId>> holders;
    for (const auto& [id, stream] : streams_) {
        if (!stream->spill.empty()) {
            holders.emplace_back(stream->spill.size(), id);
        }
    }
    std::sort(holders.rbegin(), holders.rend());
    for (const auto& [size, id] : holders) {
        Stream* stream = find(id);
        if (stream != nullptr && (stream->is_full || session_full_)) {
            leave(*stream, ResetReason::SlowReader);
        }
    }
    update_patience();
}

// ---- Ways out

/// Ends a stream from our side: a reset outside, a Close to a peer that has not closed itself.
void V1Link::leave(Stream& stream, ResetReason reason) {
    if (stream.phase != Stream::Phase::Flushing) {
        wire_ids_.erase(stream.wire_id);
        // While the carrier is not read, nobody knows whether the agent is quiet.
        const bool is_quiet = !is_paused() && now_ - stream.heard >= kV1QuietBeforeClose;
        if (!is_gateway()) {
            queue_control(FrameKind::End, stream.wire_id, {});
            ignored_.add(stream.wire_id, now_);
        } else if (!stream.has_heard || is_quiet) {
            queue_control(FrameKind::End, stream.wire_id, {});
        } else {
            drains_.add(stream.wire_id, is_paused() ? now_ : stream.heard, now_);
        }
    }
    abort(stream, reason);
}

void V1Link::abort(Stream& stream, ResetReason reason) {
    if (stream.io) {
        stream.io->abort(reason);
    }
    erase(stream);
}

void V1Link::finish(Stream& stream) {
    stream.io->finish();
    erase(stream);
}

void V1Link::erase(Stream& stream) {
    const StreamId id = stream.id;
    const std::size_t before = stream.spill.size();
    stream.spill.clear();
    account(stream, before);
    set_due(stream, kNever);
    streams_.erase(id);
    update_patience();
    if (ended_.empty()) {
        notice_due_ = now_ + kEndedNoticeDelay;
    }
    ended_.push_back(id);
}

// ---- Bookkeeping

V1Link::Stream& V1Link::add_stream(StreamId id, std::uint32_t wire_id) {
    auto stream = std::make_unique<Stream>();
    stream->id = id;
    stream->wire_id = wire_id;
    stream->heard = stream->progress = now_;
    wire_ids_[wire_id] = id;
    Stream& added = *(streams_[id] = std::move(stream));
    update_patience();
    return added;
}

void V1Link::queue_read(Stream& stream) {
    if (!stream.is_queued && !stream.wants_read) {
        stream.is_queued = true;
        ready_.push_back(stream.id);
    }
}

void V1Link::want_read(Stream& stream) {
    if (!stream.wants_read) {
        stream.wants_read = true;
        stream.io->want_read();
    }
}

void V1Link::want_write(Stream& stream) {
    if (!stream.wants_write) {
        stream.wants_write = true;
        stream.io->want_write();
    }
}

void V1Link::set_due(Stream& stream, TimePoint due) {
    if (stream.due != kNever) {
        timers_.erase({stream.due, stream.id});
    }
    stream.due = due;
    if (due != kNever) {
        timers_.emplace(due, stream.id);
    }
}

void V1Link::account(Stream& stream, std::size_t spilled_before) {
    const std::size_t size = stream.spill.size();
    spilled_ = spilled_ - spilled_before + size;
    bool is_tight = false;
    if (options_.budget != nullptr) {
        options_.budget->take(size);
        options_.budget->give_back(spilled_before);
        is_tight = options_.budget->level() != MemoryBudget::Level::Normal;
    }
    const std::size_t stream_bound =
        stream.is_full ? options_.stream_spill_bytes - kV1ResumeBytes : options_.stream_spill_bytes;
    if (stream.is_full != (size > stream_bound)) {
        stream.is_full = !stream.is_full;
        full_streams_ = stream.is_full ? full_streams_ + 1 : full_streams_ - 1;
    }
    const std::size_t session_bound =
        is_tight ? options_.stream_spill_bytes : options_.session_spill_bytes;
    session_full_ = spilled_ > (session_full_ ? session_bound - kV1ResumeBytes : session_bound);
    update_patience();
}

/// Others wait while the carrier is not read: for sure if there are any, and at an agent perhaps,
/// as it hears of a new visitor through the carrier only.
void V1Link::update_patience() {
    if (!is_paused() || (is_gateway() && streams_.size() <= 1)) {
        patience_ends_ = kNever;
    } else if (patience_ends_ == kNever) {
        patience_ends_ = now_ + kV1Patience;
    }
}

}  // namespace diglett::mux
