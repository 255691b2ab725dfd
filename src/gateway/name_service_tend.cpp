// What happens to names by itself: graces end, authenticators are asked again. (protocol 9.4, 9.7)
#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "crypto/random.hpp"
#include "gateway/limits.hpp"
#include "gateway/name_service.hpp"
#include "gateway/refusal.hpp"
#include "net/call_on.hpp"

namespace diglett::gateway {

namespace {

/// Keeps alive what the authenticator uses.
net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize(
    std::shared_ptr<auth::AuthenticatorChain> authenticators, auth::Identity identity,
    std::string name, std::string kind, TimePoint deadline) {
    auto asked = authenticators->authorize(identity, name, kind, deadline);
    auto answer = co_await std::move(asked);
    co_return answer;
}

/// The same for an identity of which only the key is known.
net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize_key(
    std::shared_ptr<auth::AuthenticatorChain> authenticators, std::string key, std::string name,
    std::string kind, TimePoint deadline) {
    auto asked = authenticators->authorize_key(key, name, kind, deadline);
    auto answer = co_await std::move(asked);
    co_return answer;
}

/// Counts one less when a task ends, however it does.
class CountedOut {
  public:
    explicit CountedOut(std::size_t& count) : count_(count) {}

    ~CountedOut() { --count_; }

    CountedOut(const CountedOut&) = delete;
    CountedOut& operator=(const CountedOut&) = delete;

  private:
    std::size_t& count_;
};

}  // namespace

bool NameService::is_positive_no(const auth::Refusal& refused) {
    return refused.code == wire::RefusalCode::NameNotAllowed ||
           refused.code == wire::RefusalCode::Credential;
}

TimePoint NameService::spread(TimePoint ask_again) {
    const TimePoint now = Clock::now();
    if (ask_again == kNever || ask_again <= now) {
        return ask_again;
    }
    const auto share = load_be<std::uint16_t>(crypto::random_bytes<2>());
    return ask_again - (ask_again - now) / 2 * share / 0x1'0000;
}

void NameService::start() {
    tasks_.spawn(keep_tending());
}

void NameService::stop() {
    options_.grace = {};
    for (auto entry = holders_.begin(); entry != holders_.end();) {
        const auto here = entry++;
        if (!here->second.session) {
            give_up(here, false);
        }
    }
    tasks_.cancel();
}

net::Awaitable<void> NameService::keep_tending() {
    while (true) {
        const TimePoint now = Clock::now();
        const TimePoint due =
            std::clamp<TimePoint>(tend(now), now + kMinTendPause, now + kMaxTendPause);
        auto waiting = due_changed_.wait_until(due);
        co_await std::move(waiting);
    }
}

void NameService::expect_at(TimePoint when) {
    if (when < next_due_) {
        next_due_ = when;
        due_changed_.notify();
    }
}

TimePoint NameService::tend(TimePoint now) {
    next_due_ = kNever;
    for (auto entry = holders_.begin(); entry != holders_.end();) {
        const auto here = entry++;
        auto& [name, holder] = *here;
        if (holder.ends <= now) {
            logger_.info("name '{}' was not claimed again in time", name);
            give_up(here, false);
            continue;
        }
        next_due_ = std::min(next_due_, holder.ends);
        if (holder.is_being_asked) {
            continue;
        }
        if (holder.ask_again > now) {
            next_due_ = std::min(next_due_, holder.ask_again);
        } else if (rechecks_ < kMaxRechecks) {  // else when one of those ends
            ++rechecks_;
            holder.is_being_asked = true;
            tasks_.spawn(recheck(name, holder.generation));
        }
    }
    ports_.free_rested(now);
    return next_due_;
}

net::Awaitable<void> NameService::recheck(std::string name, Generation generation) {
    const CountedOut counted(rechecks_);
    auto holder = holders_.find(name);
    if (holder == holders_.end() || holder->second.generation != generation) {
        co_return;
    }
    auto asked = ask_about(holder->second.identity, name, holder->second.kind);
    const auto answer = co_await std::move(asked);
    due_changed_.notify();
    holder = holders_.find(name);
    if (holder == holders_.end() || holder->second.generation != generation) {
        co_return;  // what was asked about is over
    }
    holder->second.is_being_asked = false;
    if (answer) {
        holder->second.ask_again = spread(answer->ask_again);
    } else if (!is_positive_no(answer.error())) {
        logger_.warn("whether {} may still use name '{}' could not be decided: {}",
                     escape(holder->second.identity.key), name, escape(answer.error().text));
        holder->second.ask_again =
            Clock::now() + std::max(options_.ask_again_soon, answer.error().retry_after);
    } else {
        auto revoking = revoke(name, answer.error());
        co_await std::move(revoking);
    }
}

/// authorize() of the authenticators, in time whatever they do.
net::Awaitable<NameService::Decision> NameService::ask_about(auth::Identity identity,
                                                             std::string name, std::string kind) {
    const TimePoint deadline = Clock::now() + options_.authenticator_timeout;
    auto asking = in_time(
        authorize(authenticators_, std::move(identity), std::move(name), std::move(kind), deadline),
        deadline);
    co_return co_await std::move(asking);
}

/// The same about the owner of a reserved name.
net::Awaitable<NameService::Decision> NameService::ask_about_owner(std::string key,
                                                                   std::string name,
                                                                   std::string kind) {
    const TimePoint deadline = Clock::now() + options_.authenticator_timeout;
    auto asking = in_time(
        authorize_key(authenticators_, std::move(key), std::move(name), std::move(kind), deadline),
        deadline);
    co_return co_await std::move(asking);
}

net::Awaitable<NameService::Decision> NameService::in_time(net::Awaitable<Decision> asked,
                                                           TimePoint deadline) {
    net::BoundedCall<Decision> call(tasks_.executor());
    auto running = call.run(std::move(asked), deadline + kDeadlineSlack);
    auto answer = co_await std::move(running);
    if (!answer) {
        co_return std::unexpected(auth::Refusal{.code = wire::RefusalCode::Undecided,
                                                .text = "the gateway could not decide in time"});
    }
    co_return std::move(*answer);
}

/// Takes a name from its holder, who has no right to it any more.
net::Awaitable<void> NameService::revoke(std::string name, auth::Refusal why) {
    const auto holder = holders_.find(name);
    if (holder == holders_.end()) {
        co_return;
    }
    const auto number = holder->second.session;
    const RegistrationId registration = holder->second.registration;
    const bool forget = authenticators_->outranks_leases(holder->second.identity.key);
    logger_.warn("name '{}' is revoked from {}: {}", name, escape(holder->second.identity.key),
                 escape(why.text));
    give_up(holder, forget);
    if (!number) {
        co_return;
    }
    sessions_.at(*number).names.erase(registration);
    if (why.ends_identity) {
        auto ending = end_session(*number, refusal(wire::RefusalCode::Revoked, why.text));
        co_await std::move(ending);
        co_return;
    }
    if (const auto handle = sessions_.at(*number).handle.lock()) {
        auto loss = handle->lose_name(registration, refusal(wire::RefusalCode::Revoked, why.text));
        auto call = net::call_on(handle->executor(), std::move(loss));
        co_await std::move(call);
    }
    const auto live = sessions_.find(*number);
    if (live != sessions_.end() && live->second.names.empty() && live->second.claiming == 0) {
        auto ending = end_session(*number, refusal(wire::RefusalCode::Revoked, why.text));
        co_await std::move(ending);
    }
}

net::Awaitable<void> NameService::end_session(SessionNumber session, wire::Refusal why) {
    const auto handle = sessions_.at(session).handle.lock();
    farewell(session);
    if (handle) {
        auto end = handle->end(std::move(why));
        auto call = net::call_on(handle->executor(), std::move(end));
        co_await std::move(call);
    }
}

}  // namespace diglett::gateway
