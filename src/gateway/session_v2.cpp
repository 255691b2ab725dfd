// The conversation of protocol 2 with one agent: greeting, login, registrations. (protocol 2)
#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "crypto/agent_key.hpp"
#include "crypto/random.hpp"
#include "gateway/limits.hpp"
#include "gateway/refusal.hpp"
#include "gateway/session.hpp"
#include "mux/limits.hpp"
#include "mux/link.hpp"

namespace diglett::gateway {

namespace {

constexpr std::string_view kLoginExporter = "EXPORTER-diglett-2-login";
constexpr std::uint16_t kProtocolVersion = 2;

Duration ping_jitter() {
    return std::chrono::milliseconds(load_be<std::uint16_t>(crypto::random_bytes<2>())) %
           kMaxPingJitter;
}

template <class Message>
Status check(ByteView payload) {
    const auto message = wire::decode<Message>(payload);
    return message ? Status{} : forward_error(message);
}

}  // namespace

/// Before anything behind the frame acts, although its own turn may come later. (protocol 9.5)
Status Session::check_message(wire::FrameKind kind, RegistrationId id, ByteView payload) {
    switch (kind) {
        case wire::FrameKind::Hello:
            return send_hello();  // whatever comes next can be answered then
        case wire::FrameKind::Login:
            return check<wire::Login>(payload);
        case wire::FrameKind::Join:
        case wire::FrameKind::Resume:
            return check<wire::Resume>(payload);
        case wire::FrameKind::Register:
            return check_register(id, payload);
        case wire::FrameKind::GoAway:
            return check<wire::Refusal>(payload);
        default:
            return payload.empty() ? Status{}
                                   : fail(Errc::ProtocolViolation,
                                          fmt::format("{} with a payload", wire::to_string(kind)));
    }
}

Status Session::check_register(RegistrationId id, ByteView payload) {
    if (id <= last_registration_) {
        return fail(Errc::ProtocolViolation, fmt::format("Register {} after {}: numbers must grow",
                                                         id.value, last_registration_.value));
    }
    last_registration_ = id;
    return check<wire::Register>(payload);
}

net::Awaitable<Status> Session::converse_v2() {
    mux::Link::Options options = context_.link;
    options.role = mux::Role::Gateway;
    options.budget = &context_.budget;
    options.ping_jitter = ping_jitter();
    start_tunnel(std::make_unique<mux::Link>(options, resources_.chunks(), *this, Clock::now()));
    auto greeting = greet();
    const auto greeted = co_await std::move(greeting);
    if (!greeted) {
        co_return greeted;
    }
    auto login = accept_login_v2();
    const auto accepted = co_await std::move(login);
    if (!accepted) {
        co_return accepted;
    }
    is_logged_in_ = true;
    auto serving = serve_v2();
    co_return co_await std::move(serving);
}

Status Session::send_hello() {
    wire::Hello hello;
    hello.software = context_.software;
    hello.link_limit = context_.link.link_limit;
    hello.stream_limit = context_.link.stream_limit;
    ByteVector payload;
    wire::encode(hello, payload);
    return send(wire::FrameKind::Hello, 0, payload);
}

net::Awaitable<Status> Session::greet() {
    auto waiting = expect(wire::FrameKind::Hello, login_by_);
    const auto message = co_await std::move(waiting);
    if (!message) {
        co_return forward_error(message);
    }
    const auto hello = wire::decode<wire::Hello>(message->payload);
    if (!hello) {
        co_return forward_error(hello);
    }
    logger_.debug("hello from {} at {}", escape(hello->software), facts_.address);
    if (hello->min_version > kProtocolVersion || hello->max_version < kProtocolVersion) {
        co_return refuse(refusal(wire::RefusalCode::Version, "this gateway speaks protocol 2"));
    }
    co_return Status{};
}

net::Awaitable<Status> Session::accept_login_v2() {
    auto waiting = next_message(login_by_);
    const auto message = co_await std::move(waiting);
    if (!message) {
        co_return forward_error(message);
    }
    if (message->kind == wire::FrameKind::Join || message->kind == wire::FrameKind::Resume) {
        co_return refuse(refusal(wire::RefusalCode::Unknown, "no session is kept here"));
    }
    if (message->kind == wire::FrameKind::GoAway) {
        co_return fail(Errc::EndOfStream, "the agent left before it logged in");
    }
    if (message->kind != wire::FrameKind::Login) {
        co_return fail(Errc::ProtocolViolation, "a frame out of order before the login");
    }
    const auto login = wire::decode<wire::Login>(message->payload);
    if (!login) {
        co_return forward_error(login);
    }
    const auto binding = secure_channel_->exporter(kLoginExporter);
    if (!binding) {
        co_return forward_error(binding);
    }
    if (!crypto::verify_login(login->agent_key, *binding, login->agent_signature)) {
        co_return refuse(refusal(wire::RefusalCode::Credential, "the agent's key does not fit"));
    }
    auth::Credential credential{
        .token = Secret(login->token), .has_agent_key = true, .agent_key = login->agent_key};
    auto asking = log_in(std::move(credential), login->instance);
    const auto identity = co_await std::move(asking);
    if (!identity) {
        co_return refuse(identity.error());
    }
    wire::Welcome welcome;
    crypto::fill_random(welcome.session);
    welcome.grace_ms = static_cast<std::uint32_t>(kGrace.count());
    welcome.identity = identity->key;
    welcome.max_streams = static_cast<std::uint32_t>(mux::kMaxStreams);
    welcome.max_registrations = static_cast<std::uint32_t>(kMaxRegistrations);
    ByteVector payload;
    wire::encode(welcome, payload);
    logger_.info("agent {} logged in as {}", facts_.address, escape(identity->key));
    co_return send(wire::FrameKind::Welcome, 0, payload);
}

Status Session::refuse(const wire::Refusal& why) {
    logger_.info("agent {} refused: {} ({})", facts_.address, to_string(why.code),
                 escape(why.text));
    ByteVector payload;
    wire::encode(wire::Refused{.code = why.code, .text = why.text, .retry_ms = why.retry_ms},
                 payload);
    std::ignore = send(wire::FrameKind::Refused, 0, payload);
    return fail(wire::errc_of(why.code), why.text);
}

net::Awaitable<Status> Session::serve_v2() {
    while (true) {
        auto waiting = next_message(leave_by_);
        const auto message = co_await std::move(waiting);
        if (!message && Clock::now() >= leave_by_) {
            co_return fail(Errc::EndOfStream, "the agent did not end the session in time");
        }
        if (!message) {
            co_return forward_error(message);
        }
        if (const auto acted = act_on(*message); !acted) {
            co_return acted;
        }
    }
}

Status Session::act_on(const Message& message) {
    switch (message.kind) {
        case wire::FrameKind::Register:
            return start_registering(message);
        case wire::FrameKind::FinishRegister:
            open_for_visitors();
            return {};
        case wire::FrameKind::Unregister:
            give_up_name(RegistrationId{message.id});
            return {};
        case wire::FrameKind::GoAway:
            return on_go_away(message);
        default:
            return fail(Errc::ProtocolViolation, "a frame that an agent may not send now");
    }
}

Status Session::start_registering(const Message& message) {
    auto request = wire::decode<wire::Register>(message.payload);
    if (!request) {
        return forward_error(request);
    }
    const RegistrationId id{message.id};
    if (draining_) {
        refuse_registration(id, session_ends());
        return {};
    }
    // Those being decided count apart: an agent may give names up faster than they are decided.
    if (std::max(names_.size(), registering_) >= kMaxRegistrations) {
        refuse_registration(
            id, refusal(wire::RefusalCode::TooManyNames, "no more names in this session"));
        return {};
    }
    ++registering_;
    auto served = add_name(id, request->name);
    Asked asked{std::move(served), std::move(*request)};
    if (deciding_.insert(asked.request.name).second) {
        tasks_.spawn(answer_register(std::move(asked)));
    } else {
        waiting_.push_back(std::move(asked));  // until the one before has its answer
    }
    return {};
}

void Session::ask_next(const std::string& name) {
    const auto next = std::ranges::find_if(
        waiting_, [&](const Asked& asked) { return asked.request.name == name; });
    if (next == waiting_.end()) {
        deciding_.erase(name);
        return;
    }
    tasks_.spawn(answer_register(std::move(*next)));
    waiting_.erase(next);
}

void Session::refuse_registration(RegistrationId id, const wire::Refusal& why) {
    ByteVector payload;
    wire::encode(why, payload);
    tell(wire::FrameKind::Error, id.value, payload);
}

void Session::give_up_name(RegistrationId id) {
    const auto served = names_.find(id);
    if (served == names_.end()) {
        return;
    }
    if (!served->second->answered) {
        served->second->given_up = true;
        return;
    }
    close_name(id, wire::ResetReason::SessionEnded);
    post_release(id);
}

Status Session::on_go_away(const Message& message) {
    const auto why = wire::decode<wire::Refusal>(message.payload);
    if (!why) {
        return forward_error(why);
    }
    go_away_came_ = true;
    if (why->code != wire::RefusalCode::Shutdown && why->code != wire::RefusalCode::Restart) {
        return fail(Errc::EndOfStream, "the agent ended the session: " + why->text);
    }
    leave_by_ = Clock::now() + wire::leave_time(*why);
    draining_ = true;  // its streams may end, no new one begins
    close_listeners();
    post_farewell();  // its names serve nobody any more: whoever comes next may have them at once
    return {};
}

net::Awaitable<void> Session::answer_register(Asked asked) {
    const std::string name = asked.request.name;
    auto registering = register_name(asked.served, std::move(asked.request));
    const auto ready = co_await std::move(registering);
    --registering_;
    if (!asked.served->answered) {  // else it was lost before it was had
        asked.served->answered = true;
        tell_answer(*asked.served, ready);
        if (asked.served->given_up) {
            give_up_name(asked.served->registration);
        }
    }
    ask_next(name);
}

void Session::tell_answer(const ServedName& served,
                          const std::expected<NameReady, wire::Refusal>& ready) {
    if (!ready) {
        logger_.info("name '{}' refused to agent {}: {} ({})", escape(served.name), facts_.address,
                     to_string(ready.error().code), escape(ready.error().text));
        refuse_registration(served.registration, ready.error());
        return;
    }
    ByteVector payload;
    wire::encode(wire::Registered{.name = served.name,
                                  .generation = ready->generation.value,
                                  .url = ready->url,
                                  .port = ready->port},
                 payload);
    tell(wire::FrameKind::Ok, served.registration.value, payload);
}

}  // namespace diglett::gateway
