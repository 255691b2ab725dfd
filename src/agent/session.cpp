#include "agent/session.hpp"

#include <utility>

#include "agent/limits.hpp"
#include "net/sleep.hpp"

namespace diglett::agent {

Session::Session(const SessionContext& context, net::Socket carrier,
                 std::unique_ptr<crypto::Channel> channel, crypto::SecureChannel* secure)
    : context_(context),
      logger_(context.logger),
      secure_(secure),
      carrier_(std::move(carrier)),
      channel_(std::move(channel)),
      tasks_(context.resources.executor()),
      changed_(context.resources.executor()),
      registrations_(context_.services) {}

Session::~Session() = default;

net::Awaitable<SessionEnd> Session::run() {
    if (secure_ != nullptr) {
        start_v2();
    } else {
        start_v1();
    }
    dialer_.emplace(*tunnel_, tasks_, logger_);
    tasks_.spawn(run_tunnel());
    auto conversation = converse();
    auto end = co_await std::move(conversation);
    end.welcome_at = welcome_at_;
    if (asked_to_come_back_) {
        end.retry_after = *asked_to_come_back_;
    }
    auto finishing = finish();
    co_await std::move(finishing);
    co_return end;
}

net::Awaitable<SessionEnd> Session::converse() {
    auto conversation = secure_ != nullptr ? converse_v2() : converse_v1();
    co_return co_await std::move(conversation);
}

net::Awaitable<void> Session::run_tunnel() {
    auto running = tunnel_->run();
    tunnel_end_ = co_await std::move(running);
    changed_.notify();
}

net::Awaitable<void> Session::finish() {
    if (!tunnel_end_) {
        tunnel_->close(Clock::now() + kFarewellTimeout);
    }
    while (!tunnel_end_) {
        auto waiting = changed_.wait_until(kNever);
        co_await std::move(waiting);
    }
    tasks_.cancel();
    auto joined = tasks_.join();
    co_await std::move(joined);
    dialer_.reset();
    tunnel_.reset();
}

void Session::stop() {
    if (!std::exchange(stopping_, true) && tunnel_ && !tunnel_end_) {
        tasks_.spawn(drain());
    }
}

void Session::cut_short() {
    if (tunnel_ && !tunnel_end_) {
        tunnel_->abort(Error{Errc::Cancelled, "stopped at once"});
    }
}

net::Awaitable<void> Session::drain() {
    const TimePoint deadline = Clock::now() + kDrainTimeout;
    registrations_.stop_asking();
    if (secure_ != nullptr) {
        ByteVector payload;
        wire::encode(wire::Refusal{.code = wire::RefusalCode::Shutdown,
                                   .text = "the agent stops",
                                   .deadline_ms = std::chrono::milliseconds(kDrainTimeout).count()},
                     payload);
        std::ignore = send(wire::FrameKind::GoAway, 0, payload);
    }
    while (!tunnel_end_ && tunnel_->stream_count() > 0 && Clock::now() < deadline) {
        auto pause = net::sleep_until(Clock::now() + kDrainStep);
        co_await std::move(pause);
    }
    if (!tunnel_end_) {
        tunnel_->close(Clock::now() + kFarewellTimeout);
    }
}

Status Session::send(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload) {
    return tunnel_->send_message(kind, id, payload);
}

const Service* Session::find_service(RegistrationId id) const {
    if (secure_ != nullptr) {
        return registrations_.find(id);
    }
    return id == kOnlyRegistrationV1 ? &context_.services.front() : nullptr;
}

void Session::on_open(StreamId stream, const wire::Open& open) {
    const Service* const service = find_service(open.registration);
    if (service == nullptr) {
        logger_.warn("the gateway opened a stream for registration {}, which does not exist",
                     open.registration.value);
        tunnel_->reset(stream, wire::ResetReason::BackendUnknown, "no such registration");
        return;
    }
    dialer_->dial(stream, *service);
}

Status Session::on_message(wire::FrameKind kind, std::uint32_t id, ByteView payload) {
    return secure_ != nullptr ? on_message_v2(kind, id, payload) : on_message_v1(kind, id, payload);
}

void Session::on_stream_ended(StreamId /*stream*/) {}

}  // namespace diglett::agent
