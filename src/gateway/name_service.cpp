// Who is logged in. (protocol 7.7)
#include "gateway/name_service.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "crypto/encoding.hpp"
#include "gateway/limits.hpp"
#include "gateway/refusal.hpp"
#include "net/call_on.hpp"

namespace diglett::gateway {

namespace {

/// Keeps alive what the authenticators may use after they were given up.
net::Awaitable<std::expected<auth::Identity, auth::Refusal>> authenticate(
    std::shared_ptr<auth::AuthenticatorChain> authenticators, auth::Credential credential,
    auth::ConnectionFacts facts, TimePoint deadline) {
    auto asked = authenticators->authenticate(credential, facts, deadline);
    auto answer = co_await std::move(asked);
    co_return answer;
}

}  // namespace

std::string NameService::LiveSession::who() const {
    constexpr std::size_t kShownBytes = 4;
    if (instance == decltype(instance){}) {
        return fmt::format("an agent at {}", address);
    }
    return fmt::format("agent {} at {}", crypto::to_hex(ByteView(instance).first(kShownBytes)),
                       address);
}

NameService::NameService(Options options, Parts parts, HelperPorts& ports, net::Executor control,
                         Logger logger)
    : options_(std::move(options)),
      authenticators_(std::make_shared<auth::AuthenticatorChain>(std::move(parts.authenticators))),
      registrars_(std::move(parts.registrars)),
      leases_(std::move(parts.leases)),
      ports_(ports),
      logger_(std::move(logger)),
      pending_(options_.pending_logins),
      due_changed_(control),
      tasks_(control) {
    for (const auto& [name, lease] : leases_.leases()) {
        ports_.mark_used(lease.last_port);  // by name, which is as good an order as any
    }
}

NameService::Answer<auth::Identity> NameService::login(LoginRequest request) {
    if (!pending_.enter(request.session, request.facts.source)) {
        co_return std::unexpected(try_later("too many logins are being decided", kBusyRetry));
    }
    if (request.pending) {
        request.pending();
    }
    auto asking = ask_who(request);
    auto answer = co_await std::move(asking);
    if (!answer) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::Undecided, "the gateway could not decide in time"));
    }
    if (!*answer) {
        co_return std::unexpected(to_wire(answer->error()));
    }
    auth::Identity identity = std::move(**answer);
    if (auto busy = check_sessions(request, identity.key)) {
        co_return std::unexpected(std::move(*busy));
    }
    pending_.leave(request.session);
    // Known before the older one is ended, so that the last of several logins at once remains.
    sessions_.insert_or_assign(request.session, LiveSession{.handle = request.handle,
                                                            .identity = identity,
                                                            .instance = request.instance,
                                                            .address = request.facts.address});
    auto ended = end_older_instance(request, identity.key);
    co_await std::move(ended);
    if (!sessions_.contains(request.session)) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::Replaced, "this agent logged in again"));
    }
    co_return std::move(identity);
}

/// @return none when nobody decided in time, or the login was abandoned.
net::Awaitable<std::optional<NameService::Login>> NameService::ask_who(LoginRequest& request) {
    const TimePoint deadline = Clock::now() + options_.authenticator_timeout;
    const auto call = std::make_shared<net::BoundedCall<Login>>(tasks_.executor());
    logins_.insert_or_assign(request.session, call);
    auto asked =
        authenticate(authenticators_, std::move(request.credential), request.facts, deadline);
    auto running = call->run(std::move(asked), deadline + kDeadlineSlack);
    auto answer = co_await std::move(running);
    logins_.erase(request.session);
    co_return answer;
}

void NameService::abandon_login(SessionNumber session) {
    if (const auto login = logins_.find(session); login != logins_.end()) {
        const auto call = login->second;
        call->stop();
    }
}

/// Whether the agent of `request` has opened that session before.
bool NameService::is_older(const LoginRequest& request, const std::string& identity,
                           SessionNumber number, const LiveSession& live) const {
    return number != request.session && request.instance != decltype(request.instance){} &&
           live.instance == request.instance && live.identity.key == identity;
}

std::optional<wire::Refusal> NameService::check_sessions(const LoginRequest& request,
                                                         const std::string& identity) const {
    std::size_t all = 0;
    std::size_t of_identity = 0;
    for (const auto& [number, live] : sessions_) {
        if (!is_older(request, identity, number, live)) {
            ++all;
            of_identity += live.identity.key == identity ? 1U : 0U;
        }
    }
    if (all < options_.max_sessions && of_identity < options_.max_sessions_per_identity) {
        return std::nullopt;
    }
    auto busy = refusal(wire::RefusalCode::Busy,
                        all < options_.max_sessions ? "you have as many sessions as you may"
                                                    : "the gateway has as many sessions as it may");
    busy.retry_ms = static_cast<std::uint32_t>(kBusyRetry.count());
    return busy;
}

net::Awaitable<bool> NameService::end_older_instance(const LoginRequest& request,
                                                     const std::string& identity) {
    const auto older = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
        return is_older(request, identity, entry.first, entry.second);
    });
    if (older == sessions_.end()) {
        co_return false;
    }
    const SessionNumber number = older->first;
    const auto handle = older->second.handle.lock();
    logger_.info("session {} is ended: its agent logged in again", number);
    leave(number);
    if (handle) {
        auto end = handle->end(refusal(wire::RefusalCode::Replaced, "this agent logged in again"));
        auto call = net::call_on(handle->executor(), std::move(end));
        co_await std::move(call);
    }
    co_return true;
}

}  // namespace diglett::gateway
