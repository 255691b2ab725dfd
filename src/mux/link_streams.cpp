// Link: streams as they are opened, attached and ended.
#include <algorithm>
#include <utility>

#include "mux/link.hpp"

namespace diglett::mux {

Result<StreamId> Link::open(std::shared_ptr<StreamIo> io, const wire::Open& open, TimePoint now) {
    now_ = now;
    if (options_.budget != nullptr && options_.budget->level() >= MemoryBudget::Level::Full) {
        return fail(Errc::LimitReached, "the memory budget is used up");
    }
    if (stream_count() >= options_.max_streams ||
        streams_.remembered() >= 2 * std::size_t{options_.max_streams}) {
        return fail(Errc::LimitReached, "too many streams in this session");
    }
    if (is_used_up()) {
        return fail(Errc::LimitReached, "the link is used up");
    }
    ++highest_.value;
    Stream& stream = streams_.add(
        std::make_unique<Stream>(highest_, open.registration, options_.stream_limit, now));
    stream.io = std::move(io);
    stream.is_readable = true;
    stream.send_limit = peer_stream_limit_;
    stream.pending_open = std::make_unique<wire::Open>(open);
    stream.pending_open->initial_limit = options_.stream_limit;
    queue_control(stream);
    return highest_;
}

void Link::attach(StreamId id, std::shared_ptr<StreamIo> io, TimePoint now) {
    now_ = now;
    Stream* const stream = find_live(id);
    if (stream == nullptr || stream->io != nullptr) {
        io->abort(wire::ResetReason::Aborted);
        return;
    }
    stream->io = std::move(io);
    // Rather than a read: most backends speak when spoken to, and have not been yet.
    stream->io->want_read();
    drain(*stream);
}

void Link::reset(StreamId id, wire::ResetReason reason, std::string_view text) {
    if (Stream* const stream = find_live(id)) {
        kill(*stream, reason, text);
    }
}

void Link::reset_registration(RegistrationId registration, wire::ResetReason reason) {
    streams_.for_each([&](Stream& stream) {
        if (stream.registration == registration) {
            kill(stream, reason, "its registration ended");
        }
    });
}

void Link::readable(StreamId id, TimePoint now) {
    now_ = now;
    if (Stream* const stream = find_live(id); stream != nullptr && stream->io != nullptr) {
        stream->is_readable = true;
        make_ready(*stream);
    }
}

void Link::writable(StreamId id, TimePoint now) {
    now_ = now;
    if (Stream* const stream = find_live(id); stream != nullptr && stream->io != nullptr) {
        stream->is_write_blocked = false;
        drain(*stream);
    }
}

void Link::abort_all(wire::ResetReason reason) {
    scheduler_.clear();
    control_.abandon();
    streams_.for_each([&](Stream& stream) {
        drop_spill(stream);
        if (stream.io != nullptr) {
            stream.io->abort(reason);
        }
        if (!stream.is_resetting()) {
            note_ended(stream.id);
        }
    });
    streams_.clear();
    resetting_ = 0;
    both_ended_ = 0;
    deliver_ended();
}

Stream* Link::find_live(StreamId id) {
    Stream* const stream = streams_.find(id).stream;
    return stream == nullptr || stream->is_resetting() ? nullptr : stream;
}

void Link::make_ready(Stream& stream) {
    if (stream.can_send()) {
        scheduler_.add(stream);
    }
}

void Link::queue_control(Stream& stream) {
    if (!stream.control_hook.is_linked) {
        control_.push_back(stream);
    }
}

void Link::kill(Stream& stream, wire::ResetReason reason, std::string_view text) {
    if (stream.is_resetting()) {
        return;
    }
    if (stream.io != nullptr) {
        std::exchange(stream.io, nullptr)->abort(reason);
    }
    drop_spill(stream);
    scheduler_.remove(stream);
    note_ended(stream.id);
    // The peer never heard of it, or may have forgotten it.
    if (stream.pending_open != nullptr || stream.is_ended_for_peer()) {
        forget(stream, true);
        return;
    }
    stream.is_window_pending = false;
    stream.is_end_pending = false;
    stream.pending_reset = std::make_unique<wire::Reset>(
        reason, std::string(text.substr(0, std::min(text.size(), kMaxResetTextBytes))));
    ++resetting_;
    queue_control(stream);
}

void Link::maybe_finish(Stream& stream) {
    if (stream.has_sent_end && stream.has_shut_down) {
        std::exchange(stream.io, nullptr)->finish();
        note_ended(stream.id);
        forget(stream, true);
    }
}

void Link::drop_spill(Stream& stream) {
    credit_.remove_buffered(stream.spill.size());
    stream.spill.clear();
}

void Link::forget(Stream& stream, bool may_linger) {
    drop_spill(stream);
    scheduler_.remove(stream);
    if (stream.control_hook.is_linked) {
        control_.erase(stream);
    }
    resetting_ -= stream.is_resetting() ? 1 : 0;
    both_ended_ -= stream.is_ended_for_peer() ? 1 : 0;
    streams_.remove(stream.id, may_linger ? stream.last_position : 0, journal_.acked());
}

void Link::note_both_ended(const Stream& stream) {
    both_ended_ += stream.is_ended_for_peer() ? 1 : 0;
}

void Link::note_ended(StreamId id) {
    if (ended_.empty()) {
        ended_since_ = now_;
    }
    ended_.push_back(id);
}

void Link::deliver_ended() {
    while (!ended_.empty()) {
        // The owner may end more streams while it is told.
        for (const StreamId id : std::exchange(ended_, {})) {
            events_.on_stream_ended(id);
        }
    }
}

}  // namespace diglett::mux
