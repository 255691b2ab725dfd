#include "tunnel/tunnel_stream.hpp"

#include <utility>

#include "tunnel/limits.hpp"

namespace diglett::tunnel {

namespace {

using State = mux::IoResult::State;

State state_of(net::IoResult::State state) {
    switch (state) {
        case net::IoResult::State::Ready:
            return State::Ready;
        case net::IoResult::State::Blocked:
            return State::Blocked;
        case net::IoResult::State::End:
            return State::End;
        case net::IoResult::State::Failed:
            break;
    }
    return State::Failed;
}

template <class Segment>
std::size_t total_bytes(std::span<const Segment> segments) {
    std::size_t total = 0;
    for (const auto& segment : segments) {
        total += segment.size();
    }
    return total;
}

}  // namespace

TunnelStream::TunnelStream(StreamOwner& owner, net::Socket socket)
    : owner_(&owner), socket_(std::move(socket)) {}

mux::IoResult TunnelStream::read(std::span<const MutableBytes> segments) {
    const auto result = socket_.read_some(segments);
    auto state = state_of(result.state);
    if (state == State::Ready && result.bytes < kWorthAskingAgainBytes &&
        result.bytes < total_bytes(segments)) {
        state = State::Blocked;
    }
    const bool ends_now = state == State::End && has_shut_down_;
    if (state != State::Blocked && !ends_now) {
        watch_for_reset();
    }
    return {.bytes = result.bytes, .state = state};
}

mux::IoResult TunnelStream::write(std::span<const ByteView> segments) {
    const auto result = socket_.write_some(segments);
    auto state = state_of(result.state);
    if (state == State::Ready && segments.size() <= net::kMaxSegments &&
        result.bytes < total_bytes(segments)) {
        state = State::Blocked;
    }
    return {.bytes = result.bytes, .state = state};
}

void TunnelStream::want_read() {
    if (read_armed_) {
        return;
    }
    read_armed_ = true;
    socket_.on_readable([self = shared_from_this()](const boost::system::error_code&) {
        self->read_armed_ = false;
        if (self->owner_ != nullptr) {
            self->owner_->on_stream_readable(self->id_);
        }
    });
}

void TunnelStream::want_write() {
    if (write_armed_) {
        return;
    }
    write_armed_ = true;
    socket_.on_writable([self = shared_from_this()](const boost::system::error_code&) {
        self->write_armed_ = false;
        if (self->owner_ != nullptr) {
            self->owner_->on_stream_writable(self->id_);
        }
    });
}

/// A stream without credit, or whose FIN came, is not read, so a reset of its visitor would stay
/// unseen as long as the backend does not take what came before. A stream that waits for reading
/// needs no second watch.
void TunnelStream::watch_for_reset() {
    if (reset_watched_) {
        return;
    }
    reset_watched_ = true;
    socket_.on_broken([self = shared_from_this()](const boost::system::error_code& error) {
        // A reader or writer that waits is woken as well; it takes what is left first, as a direct
        // connection would.
        if (error || self->owner_ == nullptr || self->read_armed_ || self->write_armed_) {
            return;
        }
        if (const int cause = self->socket_.take_error(); cause != 0) {
            self->owner_->on_stream_broken(self->id_, cause);
        }
    });
}

void TunnelStream::shutdown_write() {
    has_shut_down_ = true;
    socket_.shutdown_write();
}

void TunnelStream::finish() {
    socket_.clear_linger();
    std::exchange(owner_, nullptr)->close_later(std::move(socket_));
}

void TunnelStream::abort(wire::ResetReason) {
    owner_ = nullptr;
    socket_.reset();
}

}  // namespace diglett::tunnel
