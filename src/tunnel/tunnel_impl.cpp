#include "tunnel/tunnel_impl.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "tunnel/limits.hpp"

namespace diglett::tunnel {

Tunnel::Impl::Impl(WorkerResources& resources, net::Socket carrier,
                   std::unique_ptr<crypto::Channel> channel,
                   std::unique_ptr<mux::Multiplexer> multiplexer)
    : resources_(resources),
      carrier_(std::move(carrier)),
      channel_(std::move(channel)),
      multiplexer_(std::move(multiplexer)),
      writer_(carrier_, *channel_, resources_),
      changed_(resources_.executor()),
      timer_(resources_.executor()),
      look_timer_(resources_.executor()) {
    carrier_.set_nodelay();
    carrier_.set_keepalive(kCarrierKeepalive);
    carrier_.set_notsent_lowat(kNotSentLowatBytes);
}

net::Awaitable<Error> Tunnel::Impl::run() {
    const auto self = shared_from_this();
    if (phase_ == Phase::Idle) {
        phase_ = close_deadline_ == kNever ? Phase::Running : Phase::Closing;
    }
    settle();
    arm_look();
    while (phase_ != Phase::Ended) {
        const bool woken = co_await changed_.wait_until(close_deadline_);
        const auto task = co_await net::asio::this_coro::cancellation_state;
        if (task.cancelled() != net::asio::cancellation_type::none) {
            end({Errc::Cancelled, "the task was cancelled"});
        } else if (!woken && Clock::now() >= close_deadline_) {
            end({Errc::Cancelled, "closed before everything queued was sent"});
        }
    }
    release();
    co_return reason_;
}

void Tunnel::Impl::release() {
    phase_ = Phase::Ended;
    timer_.cancel();
    look_timer_.cancel();
    if (multiplexer_) {
        multiplexer_->abort_all(wire::ResetReason::SessionEnded);
        multiplexer_.reset();
    }
    writer_.release();
    carrier_.close();
}

void Tunnel::Impl::end(Error why) {
    if (phase_ == Phase::Ended) {
        return;
    }
    if (phase_ != Phase::Lingering) {
        reason_ = std::move(why);
    }
    phase_ = Phase::Ended;
    changed_.notify();
}

void Tunnel::Impl::close(TimePoint deadline) {
    close_deadline_ = std::min(close_deadline_, deadline);
    if (phase_ == Phase::Running) {
        phase_ = Phase::Closing;
    }
    changed_.notify();
    settle();
}

void Tunnel::Impl::fail_session(Error why) {
    if (is_moving()) {
        say_last_words(why);
    }
    if (is_moving()) {
        start_lingering(std::move(why));
    }
}

void Tunnel::Impl::say_last_words(const Error& why) {
    switch (why.code) {
        case Errc::ProtocolViolation:
        case Errc::FlowControlViolation:
        case Errc::TooMuchNoise:
            if (const auto words = multiplexer_->farewell(why); !words.empty()) {
                if (auto sealed = writer_.seal(words); !sealed) {
                    end(std::move(sealed.error()));
                }
            }
            return;
        case Errc::TlsFailed:
            return;  // the channel has sent its alert
        default:
            if (!writer_.is_blocked() && multiplexer_->has_output()) {
                seal_batch();
            }
    }
}

void Tunnel::Impl::start_lingering(Error why) {
    reason_ = std::move(why);
    phase_ = Phase::Lingering;
    close_deadline_ = std::min(close_deadline_, Clock::now() + kLinger);
    multiplexer_->abort_all(wire::ResetReason::SessionEnded);
    channel_->close(writer_.output());
    changed_.notify();
    send();
    settle();
}

std::shared_ptr<TunnelStream> Tunnel::Impl::make_stream(net::Socket socket) {
    return std::make_shared<TunnelStream>(*this, std::move(socket));
}

void Tunnel::Impl::on_stream_readable(StreamId stream) {
    multiplexer_->readable(stream, Clock::now());
    settle_stream();
}

void Tunnel::Impl::on_stream_writable(StreamId stream) {
    multiplexer_->writable(stream, Clock::now());
    settle_stream();
}

/// As settle(). What the first stream of a turn has to send leaves at once, and while many are
/// ready the other end gets to work on the first of them before the last has been looked at.
void Tunnel::Impl::settle_stream() {
    const bool is_first = !flush_posted_;
    settle();
    if (flush_posted_ && (is_first || ++events_before_flush_ >= kEventsPerFlush)) {
        flush();
    }
}

void Tunnel::Impl::close_later(net::Socket socket) {
    resources_.closer().add(std::move(socket));
}

void Tunnel::Impl::on_stream_broken(StreamId stream, int error) {
    multiplexer_->reset(stream, wire::ResetReason::Aborted, net::errno_text(error));
    settle();
}

}  // namespace diglett::tunnel
