// The conversation of protocol 1 with one agent. (protocol appendix A)
#include <utility>

#include "base/escape.hpp"
#include "gateway/limits.hpp"
#include "gateway/refusal.hpp"
#include "gateway/session.hpp"
#include "mux/v1_link.hpp"

namespace diglett::gateway {

net::Awaitable<Status> Session::converse_v1() {
    logger_.warn(
        "agent {} speaks protocol 1: nothing of it is authenticated and its token can be "
        "read by whoever listens",
        facts_.address);
    mux::V1Link::Options options;
    options.role = mux::Role::Gateway;
    options.budget = &context_.budget;
    start_tunnel(std::make_unique<mux::V1Link>(options, *this, Clock::now()));
    auto login = accept_login_v1();
    const auto accepted = co_await std::move(login);
    if (!accepted) {
        co_return accepted;
    }
    is_logged_in_ = true;
    auto waiting = expect(wire::FrameKind::Register, Clock::now() + kLoginTimeout);
    const auto message = co_await std::move(waiting);
    if (!message) {
        co_return refuse_v1(refusal(wire::RefusalCode::Protocol, "missing name registration"));
    }
    const RegistrationId id{message->id & 0xffffU};
    wire::Register request;
    request.name = std::string(as_text(message->payload));
    const std::string name = request.name;
    auto registering = register_name(add_name(id, name), std::move(request));
    const auto ready = co_await std::move(registering);
    if (!ready) {
        co_return refuse_v1(ready.error());
    }
    if (const auto sent = send(wire::FrameKind::Ok, message->id, {}); !sent) {
        co_return sent;
    }
    auto finishing = expect(wire::FrameKind::FinishRegister, Clock::now() + kLoginTimeout);
    const auto finished = co_await std::move(finishing);
    if (!finished) {
        co_return refuse_v1(
            refusal(wire::RefusalCode::Protocol, "only one name registration is allowed"));
    }
    open_for_visitors();
    auto rest = next_message(kNever);
    const auto last = co_await std::move(rest);
    co_return last ? fail(Errc::EndOfStream, "the agent terminated") : forward_error(last);
}

net::Awaitable<Status> Session::accept_login_v1() {
    auto waiting = expect(wire::FrameKind::Login, login_by_);
    const auto message = co_await std::move(waiting);
    if (!message) {
        co_return refuse_v1(refusal(wire::RefusalCode::Protocol, "received unexpected message"));
    }
    auth::Credential credential{.token = Secret(std::string(as_text(message->payload)))};
    auto asking = log_in(std::move(credential), {});
    const auto identity = co_await std::move(asking);
    if (!identity) {
        co_return refuse_v1(identity.error());
    }
    logger_.info("agent {} logged in as {} over protocol 1", facts_.address, escape(identity->key));
    co_return send(wire::FrameKind::Ok, 0, {});
}

Status Session::refuse_v1(const wire::Refusal& why) {
    logger_.info("agent {} refused: {} ({})", facts_.address, to_string(why.code),
                 escape(why.text));
    if (!tunnel_end_) {
        const auto text = as_bytes(why.text);
        std::ignore = send(wire::FrameKind::Error, 0, ByteVector(text.begin(), text.end()));
    }
    return fail(wire::errc_of(why.code), why.text);
}

}  // namespace diglett::gateway
