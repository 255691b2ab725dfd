// Link: what the peer's frames do.
#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "mux/link.hpp"

namespace diglett::mux {

using wire::FrameKind;

namespace {

template <class... Args>
[[nodiscard]] std::unexpected<Error> violation(fmt::format_string<Args...> format, Args&&... args) {
    return fail(Errc::ProtocolViolation, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

Status Link::receive(ByteView plaintext, TimePoint now) {
    if (!is_attached_ || plaintext.empty()) {
        return {};
    }
    now_ = now;
    keepalive_.heard(now);
    input_ = plaintext;
    const std::uint64_t before = credit_.received();
    // First, as streams grow only within the link's window.
    credit_.update_window(plaintext.size(), now, round_trip_.smoothed());
    Status status =
        reader_.read(plaintext, [this](const wire::FrameHeader& header, ByteView payload) {
            return on_frame(header, payload);
        });
    flush_run();
    input_ = {};
    if (!status) {
        return status;
    }
    after_input(credit_.received() - before);
    return {};
}

void Link::after_input(std::uint64_t logged_bytes) {
    if (logged_bytes > 0) {
        is_ping_wanted_ = is_ping_wanted_ || (streams_.size() > 0 && round_trip_.is_stale(now_));
        schedule_ack();
    }
    deliver_ended();
}

Status Link::on_frame(const wire::FrameHeader& header, ByteView payload) {
    const StreamId stream{header.id};
    if (header.kind == FrameKind::Data && opening_.is_complete()) {
        return on_data(stream, payload);
    }
    // Before anything else acts: the owner may end the stream whose bytes are gathered.
    flush_run();
    if (Status admitted = opening_.admit(header.kind, header.id); !admitted) {
        return admitted;
    }
    if (wire::is_logged(header.kind)) {
        if (Status taken = take_logged(header.kind, payload.size()); !taken) {
            return taken;
        }
    }
    switch (header.kind) {
        case FrameKind::Open:
            return on_open(stream, payload);
        case FrameKind::Window:
            return on_window(stream, payload);
        case FrameKind::End:
            return on_end(stream, payload);
        case FrameKind::Reset:
            return on_reset(stream, payload);
        case FrameKind::Ack:
            return on_ack(payload);
        case FrameKind::Ping:
            return on_ping(payload);
        case FrameKind::Pong:
            return on_pong(payload);
        case FrameKind::Hello:
            if (Status known = on_hello(payload); !known) {
                return known;
            }
            break;
        default:
            break;
    }
    return events_.on_message(header.kind, header.id, payload);
}

Status Link::take_logged(FrameKind kind, std::size_t payload_bytes) {
    const std::uint64_t size = wire::kHeaderBytes + payload_bytes;
    const std::uint64_t reserve = kind == FrameKind::Data ? 0 : kControlReserveBytes;
    if (credit_.received() + size > credit_.promised() + reserve) {
        return fail(Errc::FlowControlViolation,
                    fmt::format("{} ends at {}, past the link's limit {}", wire::to_string(kind),
                                credit_.received() + size, credit_.promised()));
    }
    credit_.on_received(size);
    return {};
}

Status Link::on_data(StreamId id, ByteView payload) {
    if (payload.empty()) {
        return violation("Data of stream {} without a byte", id.value);
    }
    if (Status taken = take_logged(FrameKind::Data, payload.size()); !taken) {
        return taken;
    }
    if (run_stream_ == nullptr || run_stream_->id != id) {
        flush_run();
        const auto [stream, lingers] = streams_.find(id);
        if (stream == nullptr) {
            return on_absent(id, lingers, NoiseGuard::Kind::Stray);
        }
        if (stream->is_resetting()) {
            return {};
        }
        run_stream_ = stream;
    }
    Stream& stream = *run_stream_;
    if (stream.has_received_end) {
        return violation("Data of stream {} after its End", id.value);
    }
    if (payload.size() > stream.receive_limit - stream.received) {
        return fail(Errc::FlowControlViolation,
                    fmt::format("stream {} sent {} bytes, past its limit {}", id.value,
                                stream.received + payload.size(), stream.receive_limit));
    }
    stream.received += payload.size();
    run_[run_count_++] = payload;
    if (run_count_ == run_.size() || !lies_in_input(payload)) {
        flush_run();
    }
    return {};
}

bool Link::lies_in_input(ByteView payload) const {
    const std::less<const std::byte*> is_before;
    return !is_before(payload.data(), input_.data()) &&
           is_before(payload.data(), input_.data() + input_.size());
}

void Link::flush_run() {
    if (run_count_ > 0) {
        take_run(*run_stream_, std::span(run_).first(run_count_));
    }
    run_count_ = 0;
    run_stream_ = nullptr;
}

Status Link::on_absent(StreamId id, bool lingers, NoiseGuard::Kind noise) {
    if (id.value == 0 || id > highest_) {
        return violation("a frame for stream {}, which was never opened", id.value);
    }
    if (lingers || credit_.received() <= replay_until_) {
        return {};
    }
    return noise_.count(noise, now_);
}

Status Link::on_open(StreamId id, ByteView payload) {
    const auto open = wire::decode<wire::Open>(payload);
    if (!open) {
        return forward_error(open);
    }
    if (id <= highest_ || id.value > kMaxStreamId) {
        return violation("Open of stream {} after stream {}", id.value, highest_.value);
    }
    if (streams_.remembered() >= 2 * std::size_t{options_.max_streams}) {
        return fail(Errc::TooMuchNoise, "streams are opened and their ends not acknowledged");
    }
    highest_ = id;
    const bool is_full =
        stream_count() - both_ended_ >= options_.max_streams ||
        (options_.budget != nullptr && options_.budget->level() >= MemoryBudget::Level::Full);
    Stream& stream =
        streams_.add(std::make_unique<Stream>(id, open->registration, options_.stream_limit, now_));
    stream.send_limit = open->initial_limit;
    if (is_full) {
        stream.pending_reset = std::make_unique<wire::Reset>(wire::ResetReason::LimitReached,
                                                             "no room for another stream");
        ++resetting_;
        queue_control(stream);
        return {};
    }
    events_.on_open(id, *open);
    return {};
}

Status Link::on_window(StreamId id, ByteView payload) {
    const auto window = wire::decode<wire::Window>(payload);
    if (!window) {
        return forward_error(window);
    }
    const auto [stream, lingers] = streams_.find(id);
    if (stream == nullptr) {
        return on_absent(id, lingers, NoiseGuard::Kind::UselessWindow);
    }
    if (stream->is_resetting()) {
        return {};
    }
    if (window->limit <= stream->send_limit) {
        return noise_.count(NoiseGuard::Kind::UselessWindow, now_);
    }
    stream->send_limit = window->limit;
    make_ready(*stream);
    return {};
}

Status Link::on_end(StreamId id, ByteView payload) {
    if (!payload.empty()) {
        return violation("End of stream {} with {} bytes", id.value, payload.size());
    }
    const auto [stream, lingers] = streams_.find(id);
    if (stream == nullptr) {
        return on_absent(id, lingers, NoiseGuard::Kind::Stray);
    }
    if (stream->is_resetting()) {
        return {};
    }
    if (stream->has_received_end) {
        return violation("a second End of stream {}", id.value);
    }
    stream->has_received_end = true;
    // The peer may have forgotten the stream by the time a Window comes.
    stream->is_window_pending = false;
    if (stream->control_hook.is_linked && !stream->has_pending_control()) {
        control_.erase(*stream);
    }
    note_both_ended(*stream);
    finish_writing(*stream);
    return {};
}

Status Link::on_reset(StreamId id, ByteView payload) {
    const auto reset = wire::decode<wire::Reset>(payload);
    if (!reset) {
        return forward_error(reset);
    }
    const auto [stream, lingers] = streams_.find(id);
    if (stream == nullptr) {
        return on_absent(id, lingers, NoiseGuard::Kind::Stray);
    }
    // Ours, if it waits, is not sent: a Reset is never answered by a Reset.
    if (!stream->is_resetting()) {
        if (stream->io != nullptr) {
            // What the socket takes without waiting; the rest is dropped with the stream.
            std::array<ByteView, kMaxWriteSegments> buffer;
            std::span<ByteView> segments(buffer.data(), stream->spill.front(buffer));
            static_cast<void>(write(*stream->io, segments));
            stream->io->abort(reset->reason);
        }
        note_ended(id);
    }
    forget(*stream, false);
    return {};
}

Status Link::on_ack(ByteView payload) {
    const auto ack = wire::decode<wire::Ack>(payload);
    if (!ack) {
        return forward_error(ack);
    }
    const std::uint64_t before = journal_.acked();
    if (Status acknowledged = journal_.acknowledge(ack->received); !acknowledged) {
        return acknowledged;
    }
    raise_peer_limit(ack->limit);
    if (journal_.acked() > before) {
        round_trip_.on_acknowledged(journal_.acked(), now_);
        unacked_since_ = journal_.sent() > journal_.acked() ? now_ : kNever;
        streams_.release(journal_.acked());
    }
    return {};
}

Status Link::on_ping(ByteView payload) {
    const auto ping = wire::decode<wire::Ping>(payload);
    if (!ping) {
        return forward_error(ping);
    }
    if (pongs_.size() == kMaxPendingPongs) {
        pongs_.pop_front();
    }
    pongs_.push_back(ping->token);
    return noise_.count(NoiseGuard::Kind::Ping, now_);
}

Status Link::on_pong(ByteView payload) {
    const auto pong = wire::decode<wire::Ping>(payload);
    if (!pong) {
        return forward_error(pong);
    }
    return round_trip_.on_pong(pong->token, now_) ? Status()
                                                  : noise_.count(NoiseGuard::Kind::Ping, now_);
}

Status Link::on_hello(ByteView payload) {
    const auto hello = wire::decode<wire::Hello>(payload);
    if (!hello) {
        return forward_error(hello);
    }
    raise_peer_limit(hello->link_limit);
    peer_stream_limit_ = hello->stream_limit;
    return {};
}

}  // namespace diglett::mux
