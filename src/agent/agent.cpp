#include "agent/agent.hpp"

#include <algorithm>
#include <utility>

#include "agent/limits.hpp"
#include "crypto/random.hpp"
#include "crypto/v1_channel.hpp"
#include "net/dial.hpp"
#include "tunnel/establish.hpp"

namespace diglett::agent {

Agent::Agent(Options options, Parts parts, net::Executor executor, Logger logger)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      logger_(std::move(logger)),
      budget_(options_.memory_budget),
      resources_(executor),
      stop_requested_(executor),
      comeback_(parts_.random) {
    crypto::fill_random(instance_);
}

net::Awaitable<std::optional<Error>> Agent::run() {
    while (true) {
        auto attempting = attempt();
        SessionEnd end = co_await std::move(attempting);
        if (stopping_) {
            co_return std::nullopt;
        }
        if (end.was_trusted_late) {
            continue;
        }
        if (end.why.code == Errc::EndOfStream || end.why.code == Errc::Cancelled) {
            end.why = {Errc::ConnectionLost, "the gateway closed the session"};
        }
        if (options_.once || !is_worth_a_try(end)) {
            co_return end.why;
        }
        auto pausing = pause_before_retry(end);
        co_await std::move(pausing);
        if (stopping_) {
            co_return std::nullopt;
        }
    }
}

bool Agent::is_worth_a_try(const SessionEnd& end) const {
    if (end.why.code == Errc::CredentialExpired) {
        return shown_ && parts_.has_other_credential && parts_.has_other_credential(*shown_);
    }
    return is_retryable(end.why.code) || end.may_pass;
}

net::Awaitable<void> Agent::pause_before_retry(const SessionEnd& end) {
    const TimePoint now = Clock::now();
    const Duration delay = comeback_.pause_after(end, now);
    logger_.warn("{}: {}; next attempt in {:.1f} s", dig_code(end.why.code), end.why.text,
                 std::chrono::duration<double>(delay).count());
    auto waiting = stop_requested_.wait_until(now + delay);
    co_await std::move(waiting);
}

net::Awaitable<SessionEnd> Agent::attempt() {
    auto token = parts_.credential();
    if (!token) {
        co_return SessionEnd{.why = token.error(), .may_pass = shown_.has_value()};
    }
    shown_ = *token;
    auto dialling = net::dial(options_.gateway, Clock::now() + kDialTimeout);
    auto carrier = co_await std::move(dialling);
    if (!carrier) {
        const bool is_refused = carrier.error().kind == net::DialFailure::Refused;
        co_return SessionEnd{.why = {Errc::GatewayUnreachable, carrier.error().error.text},
                             .is_connection_refused = is_refused};
    }
    if (stopping_) {
        co_return SessionEnd{{Errc::Cancelled, "stopped"}};
    }
    auto opening = open_session(std::move(*carrier), std::move(*token));
    co_return co_await std::move(opening);
}

net::Awaitable<SessionEnd> Agent::open_session(net::Socket carrier, Secret token) {
    const TimePoint deadline = Clock::now() + kHandshakeTimeout;
    std::unique_ptr<crypto::Channel> channel;
    crypto::SecureChannel* secure = nullptr;
    if (options_.protocol == 1) {
        channel = std::make_unique<crypto::V1Channel>(crypto::V1Channel::Role::Agent);
    } else {
        auto tls = parts_.tls.connect(options_.gateway.host);
        secure = tls.get();
        channel = std::move(tls);
    }
    auto handshake = tunnel::establish(carrier, *channel, resources_, deadline);
    const auto established = co_await std::move(handshake);
    if (!established) {
        co_return SessionEnd{established.error()};
    }
    if (secure != nullptr) {
        const TimePoint asked_at = Clock::now();
        const bool is_loopback = carrier.remote_address().is_loopback();
        const auto trusted = parts_.trust.decide(net::to_string(options_.gateway), is_loopback,
                                                 !token.empty(), secure->peer_identity());
        if (!trusted) {
            stopping_ = stopping_ || trusted.error().code == Errc::Cancelled;
            co_return SessionEnd{trusted.error()};
        }
        if (Clock::now() - asked_at > kTrustTimeout) {
            co_return SessionEnd{.why = {Errc::TimedOut, "the yes came late"},
                                 .was_trusted_late = true};
        }
    }
    auto running = run_session(std::move(carrier), std::move(channel), secure, std::move(token));
    co_return co_await std::move(running);
}

net::Awaitable<SessionEnd> Agent::run_session(net::Socket carrier,
                                              std::unique_ptr<crypto::Channel> channel,
                                              crypto::SecureChannel* secure, Secret token) {
    const SessionContext context{
        .services = options_.services,
        .key = parts_.key,
        .instance = instance_,
        .token = std::move(token),
        .takeover = options_.takeover,
        .software = options_.software,
        .budget = budget_,
        .resources = resources_,
        .on_registered = [this](const Service& service,
                                const std::string& url) { announce(service, url); },
        .logger = logger_};
    session_ = std::make_unique<Session>(context, std::move(carrier), std::move(channel), secure);
    auto running = session_->run();
    auto end = co_await std::move(running);
    drop_services(session_->given_up());
    session_.reset();
    co_return end;
}

/// A name that another agent has taken over must not be taken back by itself. (protocol 9.1, 9.4)
void Agent::drop_services(const std::set<const Service*>& given_up) {
    if (given_up.size() < options_.services.size()) {
        std::erase_if(options_.services,
                      [&](const Service& service) { return given_up.contains(&service); });
    }
}

void Agent::announce(const Service& service, const std::string& url) {
    logger_.info("name '{}' is registered and leads to {}", service.name,
                 net::to_string(service.backend));
    if (!url.empty()) {
        parts_.on_public_url(url);
    }
}

bool Agent::stop() {
    stopping_ = true;
    stop_requested_.notify();
    if (session_) {
        session_->stop();
    }
    return session_ != nullptr;
}

void Agent::cut_short() {
    if (session_) {
        session_->cut_short();
    }
}

}  // namespace diglett::agent
