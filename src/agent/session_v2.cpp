// The conversation of protocol 2 with the gateway. (protocol 2)
#include <algorithm>
#include <utility>

#include <fmt/format.h>

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

Duration restart_jitter() {
    return std::chrono::milliseconds(load_be<std::uint16_t>(crypto::random_bytes<2>())) %
           kMaxRestartJitter;
}

Duration bounded_delay(std::uint32_t retry_ms) {
    return std::min<Duration>(std::chrono::milliseconds(retry_ms), kMaxRetryDelay);
}

/// "name 'a'", or "names 'a', 'b', 'c' and 4 more".
std::string names_for_people(const std::vector<Service>& services) {
    constexpr std::size_t kShown = 3;
    std::string text = services.size() == 1 ? "name" : "names";
    for (std::size_t i = 0; i < std::min(kShown, services.size()); ++i) {
        text += fmt::format("{} '{}'", i == 0 ? "" : ",", services[i].name);
    }
    if (services.size() > kShown) {
        text += fmt::format(" and {} more", services.size() - kShown);
    }
    return text;
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
    welcome_by_ = Clock::now() + kWelcomeTimeout;
    auto sent = send_opening();
    while (!end_ && !tunnel_end_) {
        if (!sent) {
            co_return SessionEnd{sent.error()};
        }
        const TimePoint answer_by = std::min(welcome_by_, registrations_.answer_by());
        if (Clock::now() >= answer_by) {
            co_return SessionEnd{{Errc::TimedOut, "the gateway did not answer in time"}};
        }
        if (Clock::now() >= leave_by_) {
            co_return SessionEnd{{Errc::TimedOut, "the gateway did not end the session in time"}};
        }
        auto waiting =
            changed_.wait_until(std::min({answer_by, leave_by_, registrations_.next_at()}));
        co_await std::move(waiting);
        sent = send_registers();
    }
    co_return end_ ? *end_ : SessionEnd{*tunnel_end_};
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
    if (const auto sent = send_registers(); !sent) {
        return sent;
    }
    return send(wire::FrameKind::FinishRegister, 0, {});
}

Status Session::send_registers() {
    while (!tunnel_end_) {
        const auto next = registrations_.next(Clock::now());
        if (!next) {
            break;
        }
        wire::Register request;
        request.name = next->service->name;
        request.kind = next->service->kind;
        request.takeover = context_.takeover;
        ByteVector payload;
        wire::encode(request, payload);
        if (const auto sent = send(wire::FrameKind::Register, next->id.value, payload); !sent) {
            return sent;
        }
    }
    return {};
}

Status Session::on_message_v2(wire::FrameKind kind, std::uint32_t id, ByteView payload) {
    switch (kind) {
        case wire::FrameKind::Hello:
            return on_hello(payload);
        case wire::FrameKind::Welcome:
            return on_welcome(payload);
        case wire::FrameKind::Refused:
            return on_refused(payload);
        case wire::FrameKind::Ok:
            return on_ok({id}, payload);
        case wire::FrameKind::Error:
            return on_error({id}, payload);
        case wire::FrameKind::GoAway:
            return on_go_away(payload);
        default:
            return fail(Errc::ProtocolViolation, "a frame that a gateway may not send now");
    }
}

void Session::end_with(SessionEnd end) {
    if (!end_) {
        end_ = std::move(end);
    }
    changed_.notify();
}

/// The link has taken the limits already.
Status Session::on_hello(ByteView payload) {
    const auto hello = wire::decode<wire::Hello>(payload);
    if (!hello) {
        return forward_error(hello);
    }
    const wire::Hello ours;
    if (hello->max_version < ours.min_version || hello->min_version > ours.max_version) {
        end_with({.why = {Errc::UnsupportedVersion,
                          fmt::format("the gateway speaks protocols {} to {}, this agent {} to {}",
                                      hello->min_version, hello->max_version, ours.min_version,
                                      ours.max_version)},
                  .retry_after = kVersionPause});
    }
    return {};
}

Status Session::on_welcome(ByteView payload) {
    const auto welcome = wire::decode<wire::Welcome>(payload);
    if (!welcome) {
        return forward_error(welcome);
    }
    logger_.info("connected to the gateway as {}", escape(welcome->identity));
    welcome_by_ = kNever;
    welcome_at_ = Clock::now();
    registrations_.on_welcome(*welcome_at_);
    changed_.notify();
    return {};
}

/// What no retry mends is told with the names that it costs.
SessionEnd Session::refused_session(const wire::Refusal& why) const {
    const Errc code =
        why.code == wire::RefusalCode::Credential ? refused_credential() : wire::errc_of(why.code);
    std::string words = escape(why.text);
    if (!is_retryable(code)) {
        words = names_for_people(context_.services) + ": " + words;
    }
    return {.why = {code, std::move(words)}, .retry_after = bounded_delay(why.retry_ms)};
}

Status Session::on_refused(ByteView payload) {
    const auto refused = wire::decode<wire::Refused>(payload);
    if (!refused) {
        return forward_error(refused);
    }
    end_with(refused_session(
        {.code = refused->code, .text = refused->text, .retry_ms = refused->retry_ms}));
    return {};
}

Errc Session::refused_credential() const {
    return context_.token.empty() ? Errc::CredentialMissing : Errc::CredentialRefused;
}

Status Session::on_ok(RegistrationId id, ByteView payload) {
    const auto answer = wire::decode<wire::Registered>(payload);
    if (!answer) {
        return forward_error(answer);
    }
    const Service* const service = registrations_.on_ok(id);
    if (service == nullptr) {
        return fail(Errc::ProtocolViolation, "an answer to a registration never made");
    }
    context_.on_registered(*service, answer->url);
    changed_.notify();  // the next may be asked for
    return {};
}

Status Session::on_error(RegistrationId id, ByteView payload) {
    const auto why = wire::decode<wire::Refusal>(payload);
    if (!why) {
        return forward_error(why);
    }
    const Service* const service = registrations_.on_error(id);
    if (service == nullptr) {
        return fail(Errc::ProtocolViolation, "an error for a registration never made");
    }
    changed_.notify();
    tunnel_->reset_registration(id, wire::ResetReason::SessionEnded);
    if (!is_retryable(wire::errc_of(why->code))) {
        lose_name(*service, *why);
        return {};
    }
    logger_.warn("{}: name '{}' has to wait: {}", dig_code(wire::errc_of(why->code)), service->name,
                 escape(why->text));
    const auto delay = std::max<Duration>(bounded_delay(why->retry_ms), kMinRetryDelay);
    registrations_.ask_again(*service, Clock::now() + delay);
    return {};
}

void Session::lose_name(const Service& service, const wire::Refusal& why) {
    given_up_.insert(&service);
    const Errc code = wire::errc_of(why.code);
    if (registrations_.empty()) {
        end_with({.why = Error{code, "name '" + service.name + "': " + escape(why.text)}});
    } else {
        logger_.error("{}: name '{}': {}", dig_code(code), service.name, escape(why.text));
    }
}

Status Session::on_go_away(ByteView payload) {
    const auto why = wire::decode<wire::Refusal>(payload);
    if (!why) {
        return forward_error(why);
    }
    if (why->code == wire::RefusalCode::Shutdown || why->code == wire::RefusalCode::Restart) {
        const bool restart = why->code == wire::RefusalCode::Restart;
        asked_to_come_back_ = std::max(restart ? restart_jitter() : Duration{kShutdownPause},
                                       bounded_delay(why->retry_ms));
        if (welcome_at_) {
            logger_.info("the gateway ends the session: {}", escape(why->text));
            registrations_.stop_asking();
            leave_by_ = Clock::now() + wire::leave_time(*why);
            changed_.notify();
            return {};  // its streams may still end
        }
    }
    SessionEnd end = refused_session(*why);
    if (why->code == wire::RefusalCode::Revoked && registrations_.holds_any()) {
        end.why.code = Errc::CredentialRefused;  // it is not about one name (protocol 9.7)
    }
    end_with(std::move(end));
    return {};
}

}  // namespace diglett::agent
