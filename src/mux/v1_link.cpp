#include "mux/v1_link.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "mux/limits.hpp"

namespace diglett::mux {

using wire::FrameKind;
using wire::ResetReason;
using State = IoResult::State;

V1Link::V1Link(const Options& options, MultiplexerEvents& events, TimePoint now)
    : options_(options),
      events_(events),
      conversation_(options.role),
      noise_(now),
      now_(now),
      last_heard_(now) {
    ids_.start_at(options.registration);
}

V1Link::~V1Link() {
    if (options_.budget != nullptr) {
        options_.budget->give_back(spilled_);
    }
}

V1Link::Stream* V1Link::find(StreamId id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second.get();
}

V1Link::Stream* V1Link::find_wire(std::uint32_t wire_id) {
    const auto found = wire_ids_.find(wire_id);
    return found == wire_ids_.end() ? nullptr : find(found->second);
}

// ---- From the peer

Status V1Link::receive(ByteView plaintext, TimePoint now) {
    now_ = now;
    if (!plaintext.empty()) {
        last_heard_ = now;
    }
    Status taken =
        reader_.read(plaintext, [this](const wire::FrameHeader& frame, ByteView payload) {
            return on_frame(frame, payload);
        });
    tell_ended();
    return taken;
}

Status V1Link::on_frame(const wire::FrameHeader& frame, ByteView payload) {
    if (Status allowed = conversation_.on_received(frame); !allowed) {
        if (is_gateway()) {
            queue_control(FrameKind::Error, 0, as_bytes(allowed.error().text));
        }
        return allowed;
    }
    switch (frame.kind) {
        case FrameKind::Data:
            return on_payload(frame.id, payload);
        case FrameKind::End:
            return on_close(frame.id);
        default:
            return on_conversation(frame, payload);
    }
}

Status V1Link::on_conversation(const wire::FrameHeader& frame, ByteView payload) {
    if (frame.kind == FrameKind::Register) {
        // The original's document says the high half, its code takes the low one.
        options_.registration = static_cast<std::uint16_t>(frame.id & 0xffffU);
        ids_.start_at(options_.registration);
    }
    Status accepted = events_.on_message(frame.kind, frame.id, payload);
    if (accepted && frame.kind == FrameKind::Terminate) {
        return fail(Errc::EndOfStream, "the peer ended the session");
    }
    return accepted;
}

Status V1Link::on_payload(std::uint32_t wire_id, ByteView payload) {
    Stream* stream = find_wire(wire_id);
    if (is_gateway() && stream == nullptr) {
        // Bytes on the way for a visitor that left are nobody's, and never the next visitor's.
        return drains_.touch(wire_id, now_) || ids_.was_opened(wire_id)
                   ? Status{}
                   : noise_.count(NoiseGuard::Kind::Stray, now_);
    }
    if (stream == nullptr && !ignored_.contains(wire_id, now_)) {
        stream = open_from_peer(wire_id);
    }
    if (stream != nullptr) {
        deliver(*stream, payload);
    }
    if (control_.size() > kV1MaxControlBytes) {
        return fail(Errc::TooMuchNoise, "the gateway opens streams and takes no answer");
    }
    return {};
}

V1Link::Stream* V1Link::open_from_peer(std::uint32_t wire_id) {
    if (streams_.size() >= options_.max_streams) {
        queue_control(FrameKind::End, wire_id, {});
        ignored_.add(wire_id, now_);
        return nullptr;
    }
    do {
        ++last_id_;
    } while (streams_.contains(StreamId{last_id_}));
    const StreamId id{last_id_};
    add_stream(id, wire_id);
    wire::Open open;
    open.registration = RegistrationId{options_.registration};
    events_.on_open(id, open);
    return find(id);  // The owner may have reset it at once.
}

void V1Link::deliver(Stream& stream, ByteView payload) {
    if (payload.empty()) {
        return;
    }
    stream.has_heard = true;
    stream.heard = now_;
    const std::size_t before = stream.spill.size();
    while (before == 0 && stream.io && !payload.empty()) {
        const IoResult result = stream.io->write(std::span(&payload, 1));
        payload = payload.subspan(result.bytes);
        if (result.bytes > 0) {
            stream.progress = now_;
        }
        if (result.state == State::Failed) {
            leave(stream, ResetReason::Aborted);
            return;
        }
        if (result.state == State::Blocked || result.bytes == 0) {
            want_write(stream);
            break;
        }
    }
    if (payload.empty()) {
        return;
    }
    stream.spill.append(payload);
    account(stream, before);
    // The owner should have stopped at half of it; nothing grows without bound even if it does not.
    if (stream.spill.size() > 2 * options_.stream_spill_bytes) {
        leave(stream, ResetReason::SlowReader);
    }
}

Status V1Link::on_close(std::uint32_t wire_id) {
    Stream* stream = find_wire(wire_id);
    if (!is_gateway()) {
        ignored_.erase(wire_id);
    } else if (drains_.erase(wire_id) || stream != nullptr) {
        queue_control(FrameKind::End, wire_id, {});
    } else if (!ids_.was_opened(wire_id)) {
        return noise_.count(NoiseGuard::Kind::Stray, now_);
    }
    if (stream != nullptr) {
        close_in_order(*stream);
    }
    return {};
}

void V1Link::close_in_order(Stream& stream) {
    wire_ids_.erase(stream.wire_id);
    const bool looks_refused = is_gateway() && !stream.has_heard && !stream.has_outside_ended;
    const bool needs_no_dial = !stream.io && stream.spill.empty();
    if (looks_refused || needs_no_dial) {
        abort(stream, ResetReason::BackendRefused);
        return;
    }
    stream.phase = Stream::Phase::Flushing;
    stream.progress = now_;
    set_due(stream, now_ + kV1LongestStall);
    if (stream.io && flush(stream) && !stream.has_outside_ended) {
        discard_input(stream);
    }
}

// ---- To the peer

std::span<const ByteView> V1Link::next_batch(TimePoint now) {
    now_ = now;
    std::size_t used = 0;
    if (!ready_.empty() && !data_) {
        data_ = std::make_unique_for_overwrite<std::byte[]>(kV1BatchBytes);
    }
    // What the streams queue while they are read comes after their last bytes, so in the next
    // batch.
    control_sent_.clear();
    control_sent_.swap(control_);
    while (!ready_.empty() && used + kV1SentFrameBytes <= kV1BatchBytes) {
        const StreamId id = ready_.front();
        ready_.pop_front();
        if (Stream* stream = find(id)) {
            stream->is_queued = false;
            if (stream->phase == Stream::Phase::Open) {
                used += read_frame(*stream, MutableBytes(data_.get() + used, kV1SentFrameBytes));
            }
        }
    }
    std::size_t count = 0;
    for (const ByteView part : {ByteView(control_sent_), ByteView(data_.get(), used)}) {
        if (!part.empty()) {
            parts_[count++] = part;
        }
    }
    return std::span(parts_).first(count);
}

/// The Error that says why has been queued, by whoever found it; an agent has no word for it.
std::span<const ByteView> V1Link::farewell(const Error& /*why*/) {
    if (!is_gateway() || control_.empty()) {
        return {};
    }
    control_sent_.clear();
    control_sent_.swap(control_);
    parts_.front() = control_sent_;
    return std::span(parts_).first(1);
}

bool V1Link::has_output() const {
    return !control_.empty() || !ready_.empty();
}

std::size_t V1Link::read_frame(Stream& stream, MutableBytes into) {
    const std::uint32_t wire_id = stream.wire_id;
    const MutableBytes room = into.subspan(wire::kHeaderBytes);
    const IoResult result = stream.io->read(std::span(&room, 1));
    switch (result.state) {
        case State::Ready:
            if (result.bytes > 0) {
                queue_read(stream);
            } else {
                want_read(stream);
            }
            break;
        case State::Blocked:
            want_read(stream);
            break;
        case State::End:
            on_outside_fin(stream);
            break;
        case State::Failed:
            leave(stream, ResetReason::Aborted);
            break;
    }
    if (result.bytes == 0) {
        return 0;
    }
    wire::store_header({FrameKind::Data, wire_id, static_cast<std::uint16_t>(result.bytes)}, into);
    return wire::kHeaderBytes + result.bytes;
}

void V1Link::on_outside_fin(Stream& stream) {
    stream.has_outside_ended = true;
    stream.progress = now_;
    if (is_gateway()) {
        stream.phase = Stream::Phase::Held;
        set_due(stream, now_ + kV1BackendSilence);
    } else {
        leave(stream, ResetReason::Aborted);
    }
}

Status V1Link::send_message(FrameKind kind, std::uint32_t id, ByteView payload) {
    if (payload.size() > wire::kMaxV1PayloadBytes) {
        return fail(Errc::LimitReached, "the text does not fit into a frame of protocol 1");
    }
    if (control_.size() + wire::kHeaderBytes + payload.size() > kV1ControlBytes) {
        return fail(Errc::LimitReached, "the peer takes no messages");
    }
    if (!is_gateway() && kind == FrameKind::Register) {
        options_.registration = static_cast<std::uint16_t>(id & 0xffffU);
    }
    conversation_.on_sent(kind);
    queue_control(kind, id, payload);
    return {};
}

void V1Link::queue_control(FrameKind kind, std::uint32_t wire_id, ByteView payload) {
    wire::append_frame(kind, wire_id, payload, control_);
}

// ---- Outside ends

Result<StreamId> V1Link::open(std::shared_ptr<StreamIo> io, const wire::Open& /*open*/,
                              TimePoint now) {
    now_ = now;
    if (!is_gateway() || !conversation_.is_serving()) {
        return fail(Errc::LimitReached, "the agent has not finished its registration");
    }
    if (streams_.size() + drains_.size() >= options_.max_streams) {
        return fail(Errc::LimitReached, "too many streams in this session");
    }
    if (options_.budget != nullptr && options_.budget->level() >= MemoryBudget::Level::Full) {
        return fail(Errc::LimitReached, "the memory budget is used up");
    }
    if (control_.size() >= kV1ControlBytes) {
        return fail(Errc::LimitReached, "the agent takes no new streams");
    }
    const std::optional<std::uint32_t> wire_id = ids_.next();
    if (!wire_id) {
        return fail(Errc::LimitReached, "all stream ids of this session are used up");
    }
    Stream& stream = add_stream(StreamId{*wire_id}, *wire_id);
    stream.io = std::move(io);
    // The agent dials at the first Payload, even an empty one: so servers that speak first work.
    queue_control(FrameKind::Data, *wire_id, {});
    queue_read(stream);
    return stream.id;
}

void V1Link::attach(StreamId id, std::shared_ptr<StreamIo> io, TimePoint now) {
    now_ = now;
    Stream* stream = find(id);
    if (stream == nullptr || stream->io) {
        io->abort(ResetReason::Aborted);
        return;
    }
    stream->io = std::move(io);
    stream->progress = now;
    if (flush(*stream)) {
        if (stream->phase == Stream::Phase::Flushing) {
            discard_input(*stream);
        } else {
            queue_read(*stream);
        }
    }
}

void V1Link::readable(StreamId id, TimePoint now) {
    now_ = now;
    Stream* stream = find(id);
    if (stream == nullptr) {
        return;
    }
    stream->wants_read = false;
    if (stream->phase == Stream::Phase::Open) {
        queue_read(*stream);
    } else if (stream->phase == Stream::Phase::Flushing && !stream->has_outside_ended) {
        discard_input(*stream);
    }
}

void V1Link::writable(StreamId id, TimePoint now) {
    now_ = now;
    if (Stream* stream = find(id)) {
        stream->wants_write = false;
        flush(*stream);
    }
}

void V1Link::reset(StreamId id, ResetReason reason, std::string_view /*text*/) {
    if (Stream* stream = find(id)) {
        leave(*stream, reason);
    }
}

void V1Link::reset_registration(RegistrationId registration, ResetReason reason) {
    if ((registration.value & 0xffffU) != options_.registration) {
        return;
    }
    std::vector<StreamId> ids;
    for (const auto& [id, stream] : streams_) {
        ids.push_back(id);
    }
    for (const StreamId id : ids) {
        reset(id, reason, {});
    }
}

void V1Link::abort_all(ResetReason reason) {
    wire_ids_.clear();
    drains_.clear();
    ignored_.clear();
    while (!streams_.empty()) {
        abort(*streams_.begin()->second, reason);
    }
    ready_.clear();
    ended_.clear();
}

}  // namespace diglett::mux
