#include "gateway/session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/escape.hpp"
#include "crypto/v1_channel.hpp"
#include "gateway/admission.hpp"
#include "gateway/first_byte.hpp"
#include "gateway/limits.hpp"
#include "gateway/refusal.hpp"
#include "net/call_on.hpp"
#include "net/sleep.hpp"
#include "tunnel/establish.hpp"

namespace diglett::gateway {

Session::Session(const SessionContext& context, SessionNumber number,
                 tunnel::WorkerResources& resources, int carrier,
                 std::function<void()> login_complete)
    : context_(context),
      number_(number),
      resources_(resources),
      logger_(context.logger.scoped(fmt::format("session {}", number))),
      carrier_place_(context.visitor_places.occupy()),
      carrier_(std::in_place, resources.executor(), carrier),
      login_complete_(std::move(login_complete)),
      tasks_(resources.executor()),
      inbox_changed_(resources.executor()) {
    const auto remote = carrier_->remote_address();
    facts_ = {.address = net::to_string(remote),
              .is_loopback = remote.is_loopback(),
              .source = source_of(remote)};
}

Session::~Session() = default;

net::Executor Session::executor() const {
    return resources_.executor();
}

net::Awaitable<void> Session::run() {
    const auto self = shared_from_this();
    auto conversation = converse();
    const auto result = co_await std::move(conversation);
    const Error why = stop_reason_ ? *stop_reason_
                      : !result    ? result.error()
                                   : Error{Errc::EndOfStream, "ended"};
    const bool quiet = why.code == Errc::EndOfStream || why.code == Errc::Cancelled;
    logger_.log(quiet ? LogLevel::Debug : LogLevel::Info, "agent {} has gone: {} {}",
                facts_.address, dig_code(why.code), escape(why.text));
    if (tunnel_ && !tunnel_end_ && why.code == Errc::ProtocolViolation) {
        tunnel_->fail_session(why);
    }
    if (ended_in_order(result)) {
        post_farewell();
    }
    auto finished = finish();
    co_await std::move(finished);
    net::asio::post(context_.control, login_complete_);  // counted until its descriptor is free
}

net::Awaitable<Status> Session::converse() {
    auto establishing = establish();
    const auto protocol = co_await std::move(establishing);
    if (!protocol) {
        co_return forward_error(protocol);
    }
    protocol_ = *protocol;
    facts_.protocol = static_cast<int>(protocol_);
    auto conversation = protocol_ == Protocol::Two ? converse_v2() : converse_v1();
    co_return co_await std::move(conversation);
}

net::Awaitable<Result<Session::Protocol>> Session::establish() {
    const TimePoint deadline = Clock::now() + kHandshakeTimeout;
    auto looking = await_first_byte(*carrier_, deadline);
    const auto first = co_await std::move(looking);
    if (!first) {
        co_return forward_error(first);
    }
    const bool is_v1 = *first == kFirstByteV1 && context_.accept_v1;
    if (*first != kFirstByteTls && !is_v1) {
        auto farewell = explain_port(*carrier_);
        co_await std::move(farewell);
        co_return fail(Errc::ProtocolViolation, "neither TLS nor an accepted protocol 1");
    }
    if (is_v1) {
        channel_ = std::make_unique<crypto::V1Channel>(crypto::V1Channel::Role::Gateway);
    } else {
        auto secure = context_.tls.accept();
        secure_channel_ = secure.get();
        channel_ = std::move(secure);
    }
    auto handshake = tunnel::establish(*carrier_, *channel_, resources_, deadline);
    const auto established = co_await std::move(handshake);
    if (!established) {
        co_return forward_error(established);
    }
    co_return is_v1 ? Protocol::One : Protocol::Two;
}

void Session::start_tunnel(std::unique_ptr<mux::Multiplexer> multiplexer) {
    tunnel_ = std::make_unique<tunnel::Tunnel>(resources_, std::move(*carrier_),
                                               std::move(channel_), std::move(multiplexer));
    carrier_.reset();
    login_by_ = Clock::now() + kLoginTimeout;
    tasks_.spawn(run_tunnel());
    if (stop_reason_) {
        tunnel_->abort(*stop_reason_);
    }
}

net::Awaitable<void> Session::run_tunnel() {
    auto running = tunnel_->run();
    tunnel_end_ = co_await std::move(running);
    if (is_logging_in_) {
        NameService& names = context_.names;
        net::asio::post(context_.control,
                        [&names, number = number_] { names.abandon_login(number); });
    }
    inbox_changed_.notify();
}

/// Whether nobody comes back for the names: the agent closed the session with its last word, which
/// was no GoAway that says otherwise, or it never said that it is ready. (protocol 9.3, A.4)
bool Session::ended_in_order(const Status& result) const {
    if (protocol_ == Protocol::One && !open_for_visitors_) {
        return true;
    }
    const bool closed = !result && result.error().code == Errc::EndOfStream;
    return closed && !stop_reason_ && !draining_ && !go_away_came_;
}

void Session::post_farewell() {
    NameService& names = context_.names;
    net::asio::post(context_.control, [&names, number = number_] { names.farewell(number); });
}

net::Awaitable<void> Session::finish() {
    close_listeners();
    if (tunnel_ && !tunnel_end_) {
        tunnel_->close(Clock::now() + kFarewellTimeout);
    }
    // The tunnel ends by itself now; only the others are cancelled, once it is done.
    while (tunnel_ && !tunnel_end_) {
        auto waiting = inbox_changed_.wait_until(kNever);
        co_await std::move(waiting);
    }
    tasks_.cancel();
    auto joined = tasks_.join();
    co_await std::move(joined);
    tunnel_.reset();
    carrier_.reset();
    carrier_place_.reset();
    net::asio::post(context_.control, [gone = context_.gone, number = number_] { gone(number); });
    names_.clear();
}

void Session::stop(Error why) {
    if (!stop_reason_) {
        stop_reason_ = why;
    }
    if (tunnel_) {
        tunnel_->abort(std::move(why));
    } else if (carrier_) {
        carrier_->reset();
    }
}

net::Awaitable<Result<Message>> Session::next_message(TimePoint deadline) {
    while (inbox_.empty()) {
        if (tunnel_end_) {
            co_return std::unexpected(*tunnel_end_);
        }
        auto waiting = inbox_changed_.wait_until(deadline);
        const bool woken = co_await std::move(waiting);
        if (!woken && Clock::now() >= deadline) {
            co_return fail(Errc::TimedOut, "the agent did not say what it must in time");
        }
    }
    Message message = std::move(inbox_.front());
    inbox_.pop_front();
    inbox_bytes_ -= message.payload.size();
    co_return message;
}

net::Awaitable<Result<Message>> Session::expect(wire::FrameKind kind, TimePoint deadline) {
    auto waiting = next_message(deadline);
    auto message = co_await std::move(waiting);
    if (message && message->kind != kind) {
        co_return fail(Errc::ProtocolViolation, "a frame out of order before the login");
    }
    co_return message;
}

Status Session::send(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload) {
    return tunnel_->send_message(kind, id, payload);
}

void Session::tell(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload) {
    if (auto sent = send(kind, id, payload); !sent && !tunnel_end_) {
        stop(std::move(sent.error()));
    }
}

net::Awaitable<std::expected<auth::Identity, wire::Refusal>> Session::log_in(
    auth::Credential credential, std::array<std::byte, 16> instance) {
    LoginRequest request{.session = number_,
                         .handle = weak_from_this(),
                         .credential = std::move(credential),
                         .facts = facts_,
                         .instance = instance,
                         .pending = login_complete_};
    is_logging_in_ = true;
    auto asking = context_.names.login(std::move(request));
    auto call = net::call_on(context_.control, std::move(asking));
    auto answer = co_await std::move(call);
    is_logging_in_ = false;
    co_return answer;
}

net::Awaitable<bool> Session::probe() {
    const auto self = shared_from_this();
    if (!tunnel_ || tunnel_end_) {
        co_return false;
    }
    const TimePoint asked = Clock::now();
    const Duration patience =
        std::clamp<Duration>(4 * tunnel_->round_trip(), kProbeTimeout, kMaxProbeTimeout);
    tunnel_->ping();
    while (Clock::now() < asked + patience) {
        auto pause = net::sleep_until(Clock::now() + kProbeStep);
        co_await std::move(pause);
        if (!tunnel_ || tunnel_end_) {
            co_return false;
        }
        if (tunnel_->last_heard() > asked) {
            co_return true;
        }
    }
    co_return false;
}

net::Awaitable<bool> Session::end(wire::Refusal why) {
    const auto self = shared_from_this();
    close_listeners();
    if (tunnel_ && !tunnel_end_ && protocol_ == Protocol::Two) {
        // Visitors go at once, even if the agent takes nothing any more.
        for (const auto& [registration, served] : names_) {
            tunnel_->reset_registration(registration, wire::ResetReason::SessionEnded);
        }
        ByteVector payload;
        wire::encode(why, payload);
        std::ignore = send(wire::FrameKind::GoAway, 0, payload);
        tunnel_->close(Clock::now() + kFarewellTimeout);
        stop_reason_ = Error{wire::errc_of(why.code), why.text};
    } else {
        stop(Error{wire::errc_of(why.code), why.text});
    }
    co_return true;
}

net::Awaitable<void> Session::drain(wire::Refusal why, TimePoint deadline) {
    const auto self = shared_from_this();
    draining_ = true;
    close_listeners();
    if (!tunnel_ || tunnel_end_ || !is_logged_in_) {
        stop(Error{Errc::Cancelled, why.text});
        co_return;
    }
    if (protocol_ == Protocol::Two) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        why.deadline_ms = static_cast<std::uint32_t>(
            std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<std::uint32_t>::max()));
        ByteVector payload;
        wire::encode(why, payload);
        std::ignore = send(wire::FrameKind::GoAway, 0, payload);
    }
    while (tunnel_ && !tunnel_end_ && tunnel_->stream_count() > 0 && Clock::now() < deadline) {
        auto pause = net::sleep_until(Clock::now() + kProbeStep);
        co_await std::move(pause);
    }
    if (tunnel_ && !tunnel_end_) {
        tunnel_->close(Clock::now() + kFarewellTimeout);
    }
}

void Session::on_open(StreamId /*stream*/, const wire::Open& /*open*/) {}  // agents open nothing

Status Session::on_message(wire::FrameKind kind, std::uint32_t id, ByteView payload) {
    if (protocol_ == Protocol::Two) {
        if (auto checked = check_message(kind, {id}, payload); !checked) {
            return checked;
        }
    }
    if (inbox_.size() >= kMaxWaitingMessages || inbox_bytes_ + payload.size() > kMaxWaitingBytes) {
        return fail(Errc::ProtocolViolation, "more conversation frames than may wait");
    }
    inbox_bytes_ += payload.size();
    inbox_.push_back(Message{kind, id, ByteVector(payload.begin(), payload.end())});
    inbox_changed_.notify();
    return {};
}

void Session::on_stream_ended(StreamId stream) {
    visitor_places_.erase(stream);
}

}  // namespace diglett::gateway
