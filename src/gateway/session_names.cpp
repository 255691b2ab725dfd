// The names of a session: their helper ports and the visitors who come there.
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/escape.hpp"
#include "gateway/limits.hpp"
#include "gateway/refusal.hpp"
#include "gateway/session.hpp"
#include "gateway/wire_address.hpp"
#include "net/call_on.hpp"
#include "net/sleep.hpp"

namespace diglett::gateway {

net::Awaitable<std::expected<Session::NameReady, wire::Refusal>> Session::register_name(
    std::shared_ptr<ServedName> served, wire::Register request) {
    const RegistrationId id = served->registration;
    auto claiming = context_.names.claim(number_, id, std::move(request), served->moment);
    auto claim_call = net::call_on(context_.control, std::move(claiming));
    const auto claim = co_await std::move(claim_call);
    if (!claim) {
        names_.erase(id);
        co_return std::unexpected(claim.error());
    }
    served->port = claim->port;
    auto publishing = context_.names.publish(number_, id);
    auto publish_call = net::call_on(context_.control, std::move(publishing));
    auto published = co_await std::move(publish_call);
    if (!published) {
        close_name(id, wire::ResetReason::SessionEnded);
        co_return std::unexpected(published.error());
    }
    if (served->closed) {
        served->close();  // it has begun to listen since
        co_return std::unexpected(
            draining_ ? session_ends() : refusal(wire::RefusalCode::Unknown, "it was given up"));
    }
    if (!listen_for_visitors(*served, std::move(published->listener))) {
        close_name(id, wire::ResetReason::SessionEnded);
        post_release(id);
        co_return std::unexpected(try_later("the gateway has no port for it", kClaimRetry));
    }
    served->published = true;
    if (open_for_visitors_) {
        tasks_.spawn(accept_visitors(served));
    }
    co_return NameReady{.generation = claim->generation,
                        .port = claim->port->number(),
                        .url = std::move(published->url)};
}

bool Session::listen_for_visitors(ServedName& served, UniqueFd socket) {
    served.place = context_.visitor_places.take_for_port();
    if (!served.place) {
        logger_.error("{}: no descriptor is left for a helper port", dig_code(Errc::LimitReached));
        return false;
    }
    auto listener =
        net::Listener::adopt(resources_.executor(), std::move(socket), {.pauses = context_.pauses});
    if (!listener) {
        logger_.error("no helper port: {}", listener.error().text);
        return false;
    }
    served.listener.emplace(std::move(*listener));
    return true;
}

void Session::post_release(RegistrationId id) {
    NameService& names = context_.names;
    net::asio::post(context_.control,
                    [&names, number = number_, id] { names.release(number, id); });
}

void Session::open_for_visitors() {
    open_for_visitors_ = true;
    for (const auto& [registration, served] : names_) {
        if (served->published) {
            tasks_.spawn(accept_visitors(served));
        }
    }
}

net::Awaitable<void> Session::accept_visitors(std::shared_ptr<ServedName> served) {
    while (!served->closed) {
        if (visitors_must_wait()) {
            auto pause = net::sleep_until(Clock::now() + kVisitorPause);
            co_await std::move(pause);
            continue;
        }
        auto accepting = served->listener->accept();
        const auto accepted = co_await std::move(accepting);
        if (!accepted) {
            co_return;
        }
        take_visitor(*served, *accepted);
    }
}

bool Session::visitors_must_wait() {
    const MemoryBudget& budget = context_.budget;
    memory_is_short_ = memory_is_short_ ? !budget.has_recovered()
                                        : budget.level() == MemoryBudget::Level::Critical;
    if (memory_is_short_) {
        context_.visitor_pauses->tell("memory is short");
        return true;
    }
    if (context_.visitor_places.full()) {
        context_.visitor_pauses->tell("no descriptor is left for them");
        return true;
    }
    return false;
}

void Session::take_visitor(ServedName& served, const net::Listener::Accepted& accepted) {
    net::Socket visitor(resources_.executor(),
                        accepted.fd);  // resets on close, as make_socket() has it
    auto place = context_.visitor_places.take();
    if (!place || served.closed || draining_ || tunnel_end_ || !served.port->is_listening()) {
        return;  // the socket closes by reset
    }
    wire::Open open;
    open.registration = served.registration;
    open.visitor = to_wire(accepted.remote);
    open.gateway = to_wire(accepted.local);
    const auto stream = tunnel_->open(std::move(visitor), open);
    if (!stream) {
        logger_.warn("visitor refused: {}", stream.error().text);
        if (tunnel_->is_used_up()) {
            begin_anew();
        }
        return;
    }
    visitor_places_.emplace(*stream, std::move(place));
}

/// The agent comes back with a new session; the streams of this one have time to end.
/// (protocol 6.2)
void Session::begin_anew() {
    draining_ = true;
    wire::Refusal why{.code = wire::RefusalCode::Restart, .text = "the session is used up"};
    tasks_.spawn(drain(std::move(why), Clock::now() + kUsedUpDrainTimeout));
}

std::shared_ptr<ServedName> Session::add_name(RegistrationId id, const std::string& name) {
    auto served = std::make_shared<ServedName>();
    served->registration = id;
    served->name = name;
    served->moment = open_for_visitors_ ? Moment::Later : Moment::AtLogin;
    names_.emplace(id, served);
    return served;
}

void Session::close_listeners() {
    for (const auto& [registration, served] : names_) {
        served->close();
    }
}

void Session::close_name(RegistrationId registration, wire::ResetReason reason) {
    const auto served = names_.find(registration);
    if (served == names_.end()) {
        return;
    }
    served->second->close();
    names_.erase(served);
    if (tunnel_ && !tunnel_end_) {
        tunnel_->reset_registration(registration, reason);
    }
}

net::Awaitable<bool> Session::lose_name(RegistrationId registration, wire::Refusal why) {
    const auto self = shared_from_this();
    if (const auto served = names_.find(registration); served != names_.end()) {
        served->second->answered = true;  // by the Error that follows
    }
    close_name(registration, wire::ResetReason::SessionEnded);
    if (tunnel_ && !tunnel_end_) {
        tell_registration_lost(registration, why);
    }
    co_return true;
}

void Session::tell_registration_lost(RegistrationId registration, const wire::Refusal& why) {
    if (protocol_ == Protocol::One) {
        stop(Error{Errc::NameReplaced, why.text});  // protocol 1 has no word for it
        return;
    }
    refuse_registration(registration, why);
}

}  // namespace diglett::gateway
