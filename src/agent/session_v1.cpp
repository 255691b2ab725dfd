// The conversation of protocol 1 with the gateway. (protocol appendix A)
#include <utility>

#include "agent/limits.hpp"
#include "agent/session.hpp"
#include "base/escape.hpp"
#include "mux/v1_link.hpp"

namespace diglett::agent {

void Session::start_v1() {
    mux::V1Link::Options options;
    options.role = mux::Role::Agent;
    options.budget = &context_.budget;
    auto link = std::make_unique<mux::V1Link>(options, *this, Clock::now());
    tunnel_ = std::make_unique<tunnel::Tunnel>(context_.resources, std::move(*carrier_),
                                               std::move(channel_), std::move(link));
    carrier_.reset();
}

net::Awaitable<SessionEnd> Session::converse_v1() {
    const Service& service = context_.services.front();
    const auto token = as_bytes(context_.token.expose_secret());
    if (const auto sent = send(wire::FrameKind::Login, 0, ByteVector(token.begin(), token.end()));
        !sent) {
        co_return SessionEnd{sent.error()};
    }
    auto login = await_ok_v1(refused_credential(), kWelcomeTimeout);
    auto accepted = co_await std::move(login);
    if (accepted.why.code != Errc::EndOfStream) {
        co_return accepted;
    }
    welcome_at_ = Clock::now();
    const auto name = as_bytes(service.name);
    if (const auto sent = send(wire::FrameKind::Register, kOnlyRegistrationV1.value,
                               ByteVector(name.begin(), name.end()));
        !sent) {
        co_return SessionEnd{sent.error()};
    }
    auto registering = await_ok_v1(Errc::NameNotAllowed, kRegisterTimeout);
    auto registered = co_await std::move(registering);
    if (registered.why.code != Errc::EndOfStream) {
        co_return registered;
    }
    if (const auto sent = send(wire::FrameKind::FinishRegister, 0, {}); !sent) {
        co_return SessionEnd{sent.error()};
    }
    context_.on_registered(service, {});
    auto rest = next_message(kNever);
    const auto last = co_await std::move(rest);
    co_return last ? SessionEnd{{Errc::ConnectionLost, "the gateway terminated the session"}}
                   : SessionEnd{last.error()};
}

net::Awaitable<Result<Session::Message>> Session::next_message(TimePoint deadline) {
    while (inbox_.empty()) {
        if (tunnel_end_) {
            co_return std::unexpected(*tunnel_end_);
        }
        auto waiting = changed_.wait_until(deadline);
        const bool woken = co_await std::move(waiting);
        if (!woken && Clock::now() >= deadline) {
            co_return fail(Errc::TimedOut, "the gateway did not answer in time");
        }
    }
    Message message = std::move(inbox_.front());
    inbox_.pop_front();
    co_return message;
}

Status Session::on_message_v1(wire::FrameKind kind, std::uint32_t id, ByteView payload) {
    if (inbox_.size() >= kMaxWaitingMessages) {
        return fail(Errc::ProtocolViolation, "more conversation frames than may wait");
    }
    inbox_.push_back(Message{kind, id, ByteVector(payload.begin(), payload.end())});
    changed_.notify();
    return {};
}

/// Ends with EndOfStream when the gateway said Ok.
net::Awaitable<SessionEnd> Session::await_ok_v1(Errc if_refused, Duration patience) {
    auto waiting = next_message(Clock::now() + patience);
    const auto message = co_await std::move(waiting);
    if (!message) {
        co_return SessionEnd{message.error()};
    }
    switch (message->kind) {
        case wire::FrameKind::Ok:
            co_return SessionEnd{{Errc::EndOfStream, "ok"}};
        case wire::FrameKind::Error:
            co_return SessionEnd{{if_refused, "name '" + context_.services.front().name +
                                                  "': " + escape(as_text(message->payload))}};
        default:
            co_return SessionEnd{{Errc::ProtocolViolation, "a frame out of order"}};
    }
}

}  // namespace diglett::agent
