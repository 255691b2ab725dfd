// The conversation of protocol 2 with the gateway. (protocol 2)
#include <algorithm>
#include <utility>

#include "agent/limits.hpp"
#include "agent/session.hpp"
#include "base/escape.hpp"
#include "crypto/random.hpp"
#include "mux/link.hpp"
#include "net/sleep.hpp"
#include "wire/limits.hpp"

namespace diglett::agent {

namespace {

constexpr std::string_view kLoginExporter = "EXPORTER-diglett-2-login";

/// Pause before coming back to a gateway that shuts down without saying when. (protocol 9.3)
constexpr std::chrono::seconds kShutdownPause{5};

/// 0 to 2 s before coming back to a gateway that restarts, so that it meets no herd. (protocol 9.3)
Duration restart_jitter() {
    return std::chrono::milliseconds(load_be<std::uint16_t>(crypto::random_bytes<2>()) % 2'000);
}

Duration bounded_delay(std::uint32_t retry_ms) {
    return std::min<Duration>(std::chrono::milliseconds(retry_ms), kMaxRetryDelay);
}

}  // namespace

void Session::start_v2() {
    mux::Link::Options options;
    options.role = mux::Role::Agent;
    options.budget = &context_.budget;
    auto link =
        std::make_unique<mux::Link>(options, context_.resources.chunks(), *this, Clock::now());
    tunnel_ = std::make_unique<tunnel::Tunnel>(context_.resources, std::move(*carrier_),
                                               std::move(channel_), std::move(link));
    carrier_.reset();
}

net::Awaitable<SessionEnd> Session::converse_v2() {
    if (const auto sent = send_opening(); !sent) {
        co_return SessionEnd{sent.error()};
    }
    auto welcoming = await_welcome();
    auto welcomed = co_await std::move(welcoming);
    if (welcomed.why.code != Errc::EndOfStream) {
        co_return welcomed;
    }
    auto serving = serve();
    co_return co_await std::move(serving);
}

Status Session::send_opening() {
    wire::Hello hello;
    hello.software = context_.software;
    hello.link_limit = mux::Link::Options{}.link_limit;
    hello.stream_limit = mux::Link::Options{}.stream_limit;
    ByteVector payload;
    wire::encode(hello, payload);
    if (const auto sent = send(wire::FrameKind::Hello, 0, payload); !sent) {
        return sent;
    }
    const auto binding = secure_->exporter(kLoginExporter);
    if (!binding) {
        return forward_error(binding);
    }
    wire::Login login;
    login.agent_key = context_.key.public_key();
    login.agent_signature = context_.key.sign_login(*binding);
    login.instance = context_.instance;
    login.token = std::string(context_.token.expose_secret());
    payload.clear();
    wire::encode(login, payload);
    if (login.token.size() > wire::kMaxTokenBytes || payload.size() > wire::kMaxMessageBytes) {
        return fail(Errc::InvalidConfig, "the credential is longer than 8,192 bytes");
    }
    if (const auto sent = send(wire::FrameKind::Login, 0, payload); !sent) {
        return sent;
    }
    for (const auto& service : context_.services) {
        if (const auto sent = send_register(service); !sent) {
            return sent;
        }
    }
    return send(wire::FrameKind::FinishRegister, 0, {});
}

Status Session::send_register(const Service& service) {
    const RegistrationId id{++last_registration_.value};
    registrations_.emplace(
        id, Registration{.service = &service,
                         .answer_by = Clock::now() + kWelcomeTimeout + kRegisterTimeout});
    wire::Register request;
    request.name = service.name;
    request.kind = service.kind;
    request.takeover = context_.takeover;
    ByteVector payload;
    wire::encode(request, payload);
    return send(wire::FrameKind::Register, id.value, payload);
}

/// Ends with EndOfStream when the gateway said Welcome.
net::Awaitable<SessionEnd> Session::await_welcome() {
    const TimePoint deadline = Clock::now() + kWelcomeTimeout;
    while (true) {
        auto waiting = next_message(deadline);
        const auto message = co_await std::move(waiting);
        if (!message) {
            co_return SessionEnd{message.error()};
        }
        if (message->kind == wire::FrameKind::Hello) {
            continue;  // the link has taken its limits
        }
        if (message->kind == wire::FrameKind::Refused) {
            const auto refused = wire::decode<wire::Refused>(message->payload);
            co_return refused ? SessionEnd{.why = {wire::errc_of(refused->code), refused->text},
                                           .retry_after = bounded_delay(refused->retry_ms)}
                              : SessionEnd{refused.error()};
        }
        const auto welcome = wire::decode<wire::Welcome>(message->payload);
        if (!welcome) {
            co_return SessionEnd{welcome.error()};
        }
        logger_.info("connected to the gateway as {}", escape(welcome->identity));
        co_return SessionEnd{.why = {Errc::EndOfStream, "welcome"}};
    }
}

net::Awaitable<SessionEnd> Session::serve() {
    while (true) {
        auto waiting = next_message(kNever);
        const auto message = co_await std::move(waiting);
        if (!message) {
            co_return SessionEnd{message.error()};
        }
        if (auto end = act_on(*message)) {
            co_return std::move(*end);
        }
    }
}

TimePoint Session::earliest_answer() const {
    TimePoint earliest = kNever;
    for (const auto& [id, registration] : registrations_) {
        if (!registration.registered) {
            earliest = std::min(earliest, registration.answer_by);
        }
    }
    return earliest;
}

std::optional<SessionEnd> Session::act_on(const Message& message) {
    switch (message.kind) {
        case wire::FrameKind::Ok:
            return on_registered(message);
        case wire::FrameKind::Error:
            return on_registration_error(message);
        case wire::FrameKind::GoAway:
            return on_go_away(message);
        default:
            return SessionEnd{{Errc::ProtocolViolation, "a frame that a gateway may not send now"}};
    }
}

std::optional<SessionEnd> Session::on_registered(const Message& message) {
    const auto answer = wire::decode<wire::Registered>(message.payload);
    const auto registration = registrations_.find(RegistrationId{message.id});
    if (!answer || registration == registrations_.end() || registration->second.registered) {
        return SessionEnd{{Errc::ProtocolViolation, "an answer to a registration never made"}};
    }
    registration->second.registered = true;
    context_.on_registered(*registration->second.service, answer->url);
    return std::nullopt;
}

std::optional<SessionEnd> Session::on_registration_error(const Message& message) {
    const auto why = wire::decode<wire::Refusal>(message.payload);
    const RegistrationId id{message.id};
    const auto registration = registrations_.find(id);
    if (!why || registration == registrations_.end()) {
        return SessionEnd{{Errc::ProtocolViolation, "an error for a registration never made"}};
    }
    const Service& service = *registration->second.service;
    const bool again =
        why->code == wire::RefusalCode::TryLater || why->code == wire::RefusalCode::Undecided;
    if (again) {
        logger_.warn("name '{}' has to wait: {}", service.name, escape(why->text));
        registrations_.erase(registration);
        ++waiting_to_register_;
        tasks_.spawn(register_again(service, bounded_delay(why->retry_ms)));
        return std::nullopt;
    }
    auto end = lose_registration(id, *why);
    const bool none_left = registrations_.empty() && waiting_to_register_ == 0;
    return none_left ? std::optional(std::move(end)) : std::nullopt;
}

net::Awaitable<void> Session::register_again(const Service& service, Duration delay) {
    auto pause = net::sleep_until(Clock::now() + std::max<Duration>(delay, kMinRetryDelay));
    const bool waited = co_await std::move(pause);
    --waiting_to_register_;
    if (waited && !tunnel_end_) {
        std::ignore = send_register(service);
        inbox_changed_.notify();  // there is a new answer to wait for
    }
}

std::optional<SessionEnd> Session::on_go_away(const Message& message) {
    const auto why = wire::decode<wire::Refusal>(message.payload);
    if (!why) {
        return SessionEnd{why.error()};
    }
    logger_.info("the gateway ends the session: {}", escape(why->text));
    if (why->code == wire::RefusalCode::Shutdown || why->code == wire::RefusalCode::Restart) {
        const bool restart = why->code == wire::RefusalCode::Restart;
        asked_to_come_back_ = std::max(restart ? restart_jitter() : Duration{kShutdownPause},
                                       bounded_delay(why->retry_ms));
        return std::nullopt;  // its streams may still end
    }
    return SessionEnd{.why = {wire::errc_of(why->code), why->text},
                      .retry_after = bounded_delay(why->retry_ms)};
}

}  // namespace diglett::agent
