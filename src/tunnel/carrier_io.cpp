// The part of Tunnel::Impl that moves the carrier's bytes: one receive in, one batch out, then the
// event loop has its turn.
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "tunnel/limits.hpp"
#include "tunnel/tunnel_impl.hpp"

namespace diglett::tunnel {

void Tunnel::Impl::settle() {
    if (phase_ == Phase::Idle || phase_ == Phase::Ended) {
        return;
    }
    arm_read();
    if (is_moving()) {
        if (!writer_.is_blocked() && (phase_ == Phase::Closing || multiplexer_->has_output())) {
            post_flush();
        }
        arm_timer();
    }
}

void Tunnel::Impl::arm_read() {
    if (read_armed_ || (is_moving() && !multiplexer_->wants_input())) {
        return;
    }
    read_armed_ = true;
    carrier_.on_readable(
        [self = shared_from_this()](const boost::system::error_code&) { self->on_readable(); });
}

void Tunnel::Impl::post_read() {
    read_armed_ = true;
    net::asio::post(resources_.executor(), [self = shared_from_this()] { self->on_readable(); });
}

void Tunnel::Impl::arm_write() {
    if (write_armed_) {
        return;
    }
    write_armed_ = true;
    carrier_.on_writable(
        [self = shared_from_this()](const boost::system::error_code&) { self->on_writable(); });
}

void Tunnel::Impl::post_flush() {
    if (flush_posted_) {
        return;
    }
    flush_posted_ = true;
    net::asio::post(resources_.executor(), [self = shared_from_this()] {
        self->flush_posted_ = false;
        self->flush();
    });
}

/// Deadlines mostly move away with each byte; an early alarm costs less than moving it every time.
void Tunnel::Impl::arm_timer() {
    const auto deadline = multiplexer_->deadline();
    if (deadline >= timer_armed_for_) {
        return;
    }
    timer_armed_for_ = deadline;
    timer_.expires_at(deadline);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) {
            self->on_timer();
        }
    });
}

void Tunnel::Impl::on_timer() {
    timer_armed_for_ = kNever;
    if (!is_moving()) {
        return;
    }
    const auto now = Clock::now();
    if (now >= multiplexer_->deadline()) {
        if (auto status = multiplexer_->on_time(now); !status) {
            return fail_session(std::move(status.error()));
        }
    }
    settle();
}

void Tunnel::Impl::arm_look() {
    look_timer_.expires_after(kCarrierLook);
    look_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) {
            self->look_at_peer();
        }
    });
}

/// Finds the death that neither a read nor TCP's keepalive shows: something is under way, or the
/// multiplexer wants no input.
void Tunnel::Impl::look_at_peer() {
    if (!is_moving()) {
        return;
    }
    const auto peer = carrier_.peer_state();
    if (peer.broken && !read_armed_) {
        return end({Errc::ConnectionLost, fmt::format("the connection broke: {}",
                                                      net::errno_text(carrier_.take_error()))});
    }
    if (peer.unanswered >= kCarrierSilence) {
        return end(
            {Errc::ConnectionLost, fmt::format("the other side's machine has not answered for {} s",
                                               kCarrierSilence.count())});
    }
    arm_look();
}

void Tunnel::Impl::on_readable() {
    if (phase_ == Phase::Ended) {
        return;
    }
    const auto buffer = resources_.ciphertext();
    const auto result = carrier_.read_some(buffer);
    if (result.state == net::IoResult::State::End) {
        return end(
            {Errc::ConnectionLost, "the other side closed the connection without saying why"});
    }
    if (result.state == net::IoResult::State::Failed) {
        return end({Errc::ConnectionLost,
                    fmt::format("the connection broke: {}", net::errno_text(result.error))});
    }
    if (is_moving() && result.bytes > 0) {
        auto status = open_ciphertext(buffer.first(result.bytes));
        read_armed_ = false;  // not before: what the multiplexer tells its owner leads to settle()
        if (!status) {
            return fail_session(std::move(status.error()));
        }
        send();  // answers of the channel itself, if any
    }
    read_armed_ = false;
    if (result.bytes == buffer.size() && is_moving() && multiplexer_->wants_input()) {
        post_read();  // more is there: no need to wait
    }
    settle();
}

Status Tunnel::Impl::open_ciphertext(ByteView ciphertext) {
    const auto now = Clock::now();
    const auto plaintext = resources_.plaintext();
    channel_->feed(ciphertext);
    while (is_moving()) {
        const auto opened = channel_->open(plaintext, writer_.output());
        if (!opened) {
            return forward_error(opened);
        }
        if (*opened == 0) {
            break;
        }
        if (auto status = multiplexer_->receive(plaintext.first(*opened), now); !status) {
            return status;
        }
    }
    return {};
}

void Tunnel::Impl::flush() {
    events_before_flush_ = 0;
    if (!is_moving() || writer_.is_blocked()) {
        return;
    }
    seal_batch();
    if (phase_ == Phase::Closing && !writer_.is_blocked() && !multiplexer_->has_output()) {
        start_lingering({Errc::Cancelled, "closed"});
    }
    settle();
}

void Tunnel::Impl::seal_batch() {
    const auto batch = multiplexer_->next_batch(Clock::now());
    if (!batch.empty()) {
        if (auto status = writer_.seal(batch); !status) {
            return end(std::move(status.error()));
        }
    }
    send();
}

void Tunnel::Impl::send() {
    if (auto status = writer_.send(); !status) {
        return end(std::move(status.error()));
    }
    if (writer_.is_blocked()) {
        arm_write();
    } else if (phase_ == Phase::Lingering) {
        carrier_.shutdown_write();
    }
}

void Tunnel::Impl::on_writable() {
    write_armed_ = false;
    if (phase_ == Phase::Ended) {
        return;
    }
    send();
    flush();
}

}  // namespace diglett::tunnel
