// How a claimed name becomes public, is detached, and is given up.
#include <utility>

#include "base/escape.hpp"
#include "gateway/limits.hpp"
#include "gateway/name_service.hpp"
#include "gateway/refusal.hpp"

namespace diglett::gateway {

bool NameService::holds(const std::string& name, SessionNumber session,
                        RegistrationId registration) const {
    const auto holder = holders_.find(name);
    return holder != holders_.end() && holder->second.session == session &&
           holder->second.registration == registration;
}

NameService::Answer<Published> NameService::publish(SessionNumber session,
                                                    RegistrationId registration) {
    const auto over = refusal(wire::RefusalCode::Unknown, "the registration is over");
    const auto live = sessions_.find(session);
    if (live == sessions_.end() || !live->second.names.contains(registration)) {
        co_return std::unexpected(over);
    }
    const std::string name = live->second.names.at(registration);
    const auto port = holders_.at(name).port;
    registrar::Request request{.name = name,
                               .generation = holders_.at(name).generation,
                               .kind = holders_.at(name).kind,
                               .local_port = port->number(),
                               .port_hold = port};
    auto listener = port->listen();
    if (!listener) {
        co_return std::unexpected(unpublished(session, registration, listener.error()));
    }
    // Kept before anybody hears of it, so that it is the same again whatever happens to us next.
    leases_.touch(name, port->number(), std::chrono::system_clock::now());
    auto registering =
        registrars_.register_name(std::move(request), Clock::now() + kRegistrarTimeout);
    auto registered = co_await std::move(registering);
    if (!registered) {
        co_return std::unexpected(unpublished(session, registration, registered.error()));
    }
    if (!holds(name, session, registration)) {
        co_return std::unexpected(over);  // the handle removes the name again
    }
    Holder& holder = holders_.at(name);
    // The older one is dropped after that, and removes nothing.
    std::swap(holder.publication, *registered);
    co_return Published{.url = holder.publication->url(), .listener = std::move(*listener)};
}

/// What an older claim has published stays for a while, as the agent comes back for it.
wire::Refusal NameService::unpublished(SessionNumber session, RegistrationId registration,
                                       const Error& why) {
    const auto live = sessions_.find(session);
    if (live != sessions_.end() && live->second.names.contains(registration)) {
        const std::string name = live->second.names.at(registration);
        live->second.names.erase(registration);
        detach(name);
    }
    return try_later(why.text, kOwnFaultRetry);
}

void NameService::release(SessionNumber session, RegistrationId registration) {
    const auto live = sessions_.find(session);
    if (live == sessions_.end()) {
        return;
    }
    const auto name = live->second.names.find(registration);
    if (name == live->second.names.end()) {
        return;
    }
    give_up(name->second);
    live->second.names.erase(name);
}

void NameService::farewell(SessionNumber session) {
    const auto live = sessions_.find(session);
    if (live == sessions_.end()) {
        return;
    }
    live->second.leaving = true;
    for (const auto& [registration, name] : std::exchange(live->second.names, {})) {
        give_up(name);
    }
}

void NameService::leave(SessionNumber session) {
    pending_.leave(session);
    const auto live = sessions_.find(session);
    if (live == sessions_.end()) {
        return;
    }
    for (const auto& [registration, name] : live->second.names) {
        detach(name);
    }
    sessions_.erase(live);
}

/// The caller has taken it from its session.
void NameService::detach(const std::string& name) {
    Holder& holder = holders_.at(name);
    if (!holder.publication || options_.grace <= Duration{}) {
        give_up(name);
        return;
    }
    holder.port->refuse();
    holder.session.reset();
    holder.ends = Clock::now() + options_.grace;
    expect_at(holder.ends);
    logger_.debug("name '{}' waits for its agent", name);
}

void NameService::give_up(const std::string& name) {
    give_up(holders_.find(name), false);
}

void NameService::give_up(Holders::iterator at, bool forget) {
    auto gone = holders_.extract(at);
    gone.mapped().port->refuse();
    const auto now = std::chrono::system_clock::now();
    if (forget) {
        leases_.forget(gone.key(), now);
    } else {
        leases_.release(gone.key(), now);
    }
}

}  // namespace diglett::gateway
