// Link: what leaves, in which order.
#include <algorithm>

#include "base/assert.hpp"
#include "mux/link.hpp"

namespace diglett::mux {

using wire::FrameKind;
using wire::kHeaderBytes;

namespace {

// Header and payload of the longest frame that a stream can have waiting: a Reset with its text.
constexpr std::uint64_t kMaxStreamControlBytes = kHeaderBytes + 2 + kMaxResetTextBytes;

constexpr std::size_t kAckFrameBytes = kHeaderBytes + 16;
constexpr std::size_t kPingFrameBytes = kHeaderBytes + 8;

std::uint64_t room_below(std::uint64_t limit, std::uint64_t position) {
    return position < limit ? limit - position : 0;
}

}  // namespace

void Link::raise_peer_limit(std::uint64_t limit) {
    peer_limit_ = std::max(peer_limit_, std::min(limit, kMaxPeerLimit));
}

std::uint64_t Link::data_room() const {
    const bool is_tight =
        options_.budget != nullptr && options_.budget->level() != MemoryBudget::Level::Normal;
    return std::min(room_below(peer_limit_, journal_.end()),
                    room_below(is_tight ? kTightRingBytes : kMaxRingBytes, journal_.ring_bytes()));
}

std::uint64_t Link::control_room() const {
    return std::min(room_below(peer_limit_ + kControlReserveBytes, journal_.end()),
                    room_below(kMaxRingBytes + kControlReserveBytes, journal_.ring_bytes()));
}

bool Link::has_output() const {
    if (!is_attached_) {
        return false;
    }
    if (opening_.has_refused()) {
        return !unlogged_.empty();  // and nothing behind it
    }
    if (!unlogged_.empty() || journal_.unsent_bytes() > 0 ||
        (has_sent_hello_ && (is_ack_due_ || is_ping_wanted_ || !pongs_.empty()))) {
        return true;
    }
    if (!messages_.empty()) {
        return control_room() >= kHeaderBytes + messages_.front().payload.size();
    }
    return (!control_.empty() && control_room() >= kMaxStreamControlBytes) ||
           (!scheduler_.empty() && data_room() > kHeaderBytes);
}

std::span<const ByteView> Link::next_batch(TimePoint now) {
    now_ = now;
    parts_.clear();
    front_.clear();
    if (!is_attached_) {
        return {};
    }
    front_.swap(unlogged_);
    if (opening_.has_refused()) {
        return only_front();
    }
    const std::size_t answers =
        kAckFrameBytes + kPingFrameBytes + kPingFrameBytes * pongs_.size() + front_.size();
    const std::size_t batch = scheduler_.batch_bytes(now);
    const std::size_t room = batch > answers ? batch - answers : 0;

    parts_.emplace_back();  // The place of front_, whose bytes may still move.
    append_messages();
    append_control(room);
    fill(room);
    journal_.take_unsent(room, parts_);
    const bool has_journal = parts_.size() > 1;
    if (has_journal) {
        round_trip_.on_sent(journal_.sent(), now);
        unacked_since_ = unacked_since_ == kNever ? now : unacked_since_;
    }
    write_front(has_journal || !front_.empty());
    if (front_.empty()) {
        return std::span<const ByteView>(parts_).subspan(1);
    }
    parts_.front() = front_;
    return parts_;
}

std::span<const ByteView> Link::only_front() {
    if (!front_.empty()) {
        parts_.emplace_back(front_);
    }
    return parts_;
}

std::span<const ByteView> Link::farewell(const Error& why) {
    parts_.clear();
    front_.clear();
    if (!is_attached_) {
        return {};
    }
    front_.swap(unlogged_);  // a Hello, without which the last word may not come
    if (const auto kind = opening_.last_word()) {
        payload_.clear();
        if (*kind == FrameKind::Refused) {
            wire::encode(wire::Refused{.code = wire::RefusalCode::Protocol, .text = why.text},
                         payload_);
        } else {
            wire::encode(wire::Refusal{.code = wire::RefusalCode::Protocol, .text = why.text},
                         payload_);
        }
        wire::append_frame(*kind, 0, payload_, front_);
    }
    return only_front();
}

void Link::append_messages() {
    while (!messages_.empty() &&
           control_room() >= kHeaderBytes + messages_.front().payload.size()) {
        const Message& message = messages_.front();
        journal_.append(message.kind, message.id, message.payload);
        message_bytes_ -= kHeaderBytes + message.payload.size();
        messages_.pop_front();
    }
}

void Link::append_control(std::uint64_t up_to) {
    // Messages first: a registration's answer precedes its streams.
    while (messages_.empty() && !control_.empty() && journal_.unsent_bytes() < up_to &&
           control_room() >= kMaxStreamControlBytes) {
        append_control_of(*control_.front());
    }
}

void Link::append_control_of(Stream& stream) {
    payload_.clear();
    if (stream.pending_open != nullptr) {
        wire::encode(*stream.pending_open, payload_);
        journal_.append(FrameKind::Open, stream.id.value, payload_);
        stream.pending_open.reset();
    } else if (stream.is_window_pending) {
        stream.is_window_pending = false;
        stream.receive_limit =
            std::max(stream.receive_limit, stream.consumed() + stream.window.size());
        wire::encode(wire::Window{stream.receive_limit}, payload_);
        journal_.append(FrameKind::Window, stream.id.value, payload_);
    } else if (stream.pending_reset != nullptr) {
        wire::encode(*stream.pending_reset, payload_);
        journal_.append(FrameKind::Reset, stream.id.value, payload_);
        stream.last_position = journal_.end();
        forget(stream, true);
        return;
    } else if (stream.is_end_pending) {
        stream.is_end_pending = false;
        append_end(stream);
        return;
    }
    if (!stream.has_pending_control()) {
        control_.erase(stream);
    }
    make_ready(stream);
}

void Link::fill(std::size_t room) {
    while (Stream* const stream = scheduler_.next()) {
        const std::uint64_t unsent = journal_.unsent_bytes();
        const std::uint64_t left = std::min(room_below(room, unsent), data_room());
        // The last bytes of a batch are not worth a frame of their own.
        if (left <= kHeaderBytes || (unsent > 0 && room_below(room, unsent) < kMinSegmentBytes)) {
            return;
        }
        pump(*stream, scheduler_.allowance(*stream, left));
    }
}

void Link::pump(Stream& stream, std::size_t room) {
    const auto segments = journal_.reserve(stream.send_limit - stream.sent, room);
    DIGLETT_ASSERT(!segments.empty());
    const IoResult result = stream.io->read(segments);
    const std::size_t framed = journal_.commit(stream.id, result.bytes);
    stream.sent += result.bytes;
    scheduler_.on_sent(stream, framed, now_);
    switch (result.state) {
        case IoResult::State::Ready:
            if (result.bytes > 0) {
                break;
            }
            [[fallthrough]];  // Else this would be its turn again and again.
        case IoResult::State::Blocked:
            stream.is_readable = false;
            scheduler_.remove(stream);
            stream.io->want_read();
            return;
        case IoResult::State::End:
            scheduler_.remove(stream);
            stream.has_read_end = true;
            read_end(stream);
            return;
        case IoResult::State::Failed:
            kill(stream, wire::ResetReason::Aborted, "read failed");
            return;
    }
    if (!stream.can_send()) {
        scheduler_.remove(stream);  // Until its next Window.
    }
}

void Link::read_end(Stream& stream) {
    if (control_room() >= kHeaderBytes) {
        append_end(stream);
    } else {
        stream.is_end_pending = true;
        queue_control(stream);
    }
}

void Link::append_end(Stream& stream) {
    journal_.append(FrameKind::End, stream.id.value, {});
    stream.last_position = journal_.end();
    stream.has_sent_end = true;
    note_both_ended(stream);
    if (stream.control_hook.is_linked && !stream.has_pending_control()) {
        control_.erase(stream);
    }
    maybe_finish(stream);
}

bool Link::is_ack_worthwhile() const {
    return is_ack_due_ || credit_.received() > acknowledged_ || credit_.promise_runs_low();
}

void Link::write_front(bool has_batch) {
    if (!has_sent_hello_) {
        return;
    }
    if (is_ack_due_ || ((has_batch || is_ping_wanted_ || !pongs_.empty()) && is_ack_worthwhile())) {
        write_ack();
    }
    for (; !pongs_.empty(); pongs_.pop_front()) {
        payload_.clear();
        wire::encode(wire::Ping{pongs_.front()}, payload_);
        wire::append_frame(FrameKind::Pong, 0, payload_, front_);
    }
    if (const auto token = is_ping_wanted_ ? round_trip_.start_ping(now_) : std::nullopt) {
        payload_.clear();
        wire::encode(wire::Ping{*token}, payload_);
        wire::append_frame(FrameKind::Ping, 0, payload_, front_);
    }
    is_ping_wanted_ = false;
}

void Link::write_ack() {
    acknowledged_ = credit_.received();
    is_ack_due_ = false;
    ack_at_ = kNever;
    payload_.clear();
    wire::encode(wire::Ack{acknowledged_, credit_.promise()}, payload_);
    wire::append_frame(FrameKind::Ack, 0, payload_, front_);
}

void Link::schedule_ack() {
    if (!is_attached_) {
        return;
    }
    if (credit_.received() - acknowledged_ >= kAckAfterBytes || credit_.should_promise()) {
        is_ack_due_ = true;
    } else if (ack_at_ == kNever &&
               (credit_.received() > acknowledged_ || credit_.promise_runs_low())) {
        ack_at_ = now_ + kAckDelay;
    }
}

}  // namespace diglett::mux
