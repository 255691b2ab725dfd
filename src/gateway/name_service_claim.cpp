// Who gets a name that is free, held, detached or reserved. (protocol 9.4)
#include <utility>

#include <fmt/format.h>

#include "gateway/limits.hpp"
#include "gateway/name_service.hpp"
#include "gateway/refusal.hpp"
#include "net/call_on.hpp"

namespace diglett::gateway {

namespace {

/// Marks a name as being claimed while this lives.
class ClaimInProgress {
  public:
    ClaimInProgress(std::set<std::string>& claims, std::string name)
        : claims_(claims), name_(std::move(name)) {
        claims_.insert(name_);
    }

    ~ClaimInProgress() { claims_.erase(name_); }

    ClaimInProgress(const ClaimInProgress&) = delete;
    ClaimInProgress& operator=(const ClaimInProgress&) = delete;

  private:
    std::set<std::string>& claims_;
    std::string name_;
};

wire::Refusal session_over() {
    return refusal(wire::RefusalCode::Unknown, "the session is over");
}

/// The name of the authenticator that made the identity.
std::string_view authenticator_of(std::string_view key) {
    return key.substr(0, key.find(':'));
}

}  // namespace

NameService::Answer<Claim> NameService::claim(SessionNumber session, RegistrationId registration,
                                              wire::Register request, Moment moment) {
    const auto asking = sessions_.find(session);
    const bool names_are_sold =
        asking != sessions_.end() && authenticators_->outranks_leases(asking->second.identity.key);
    const auto encoded =
        names_are_sold ? routing::EncodedNames::Free : routing::EncodedNames::Reserved;
    if (const auto valid = options_.name_policy.check(request.name, encoded); !valid) {
        co_return std::unexpected(to_wire(valid.error()));
    }
    if (!registrars_.publishes(request.kind)) {
        co_return std::unexpected(refusal(wire::RefusalCode::KindUnsupported,
                                          "this gateway cannot publish names of that kind"));
    }
    if (claims_in_progress_.contains(request.name)) {
        co_return std::unexpected(try_later("the name is being claimed right now", kClaimRetry));
    }
    const ClaimInProgress in_progress(claims_in_progress_, request.name);
    if (const auto live = sessions_.find(session); live != sessions_.end()) {
        ++live->second.claiming;
    }
    auto checking = claim_checked(session, registration, std::move(request), moment);
    auto checked = co_await std::move(checking);
    if (const auto live = sessions_.find(session); live != sessions_.end()) {
        --live->second.claiming;
    }
    co_return checked;
}

/// The session if it may still have names, else null.
const NameService::LiveSession* NameService::claimant(SessionNumber session) const {
    const auto live = sessions_.find(session);
    return live == sessions_.end() || live->second.leaving ? nullptr : &live->second;
}

NameService::Answer<Claim> NameService::claim_checked(SessionNumber session,
                                                      RegistrationId registration,
                                                      wire::Register request, Moment moment) {
    const LiveSession* const live = claimant(session);
    if (live == nullptr) {
        co_return std::unexpected(session_over());
    }
    auto identity = live->identity;
    identity.at_login = moment == Moment::AtLogin;
    auto asked = ask_about(identity, request.name, request.kind);
    const auto allowed = co_await std::move(asked);
    if (!allowed) {
        co_return std::unexpected(to_wire(allowed.error()));
    }
    auto outranking = outrank(identity, request);
    const auto outranked = co_await std::move(outranking);
    if (!outranked) {
        co_return std::unexpected(outranked.error());
    }
    auto room = make_room(session, request);
    const auto made = co_await std::move(room);
    if (!made) {
        co_return std::unexpected(made.error());
    }
    co_return hold(session, registration, request, allowed->ask_again);
}

/// Nobody else has the name now.
std::expected<Claim, wire::Refusal> NameService::hold(SessionNumber session,
                                                      RegistrationId registration,
                                                      const wire::Register& request,
                                                      TimePoint ask_again) {
    if (claimant(session) == nullptr) {  // it may have ended meanwhile
        return std::unexpected(session_over());
    }
    LiveSession& live = sessions_.at(session);
    const auto now = std::chrono::system_clock::now();
    const auto lease =
        leases_.claim(request.name, live.identity.key, live.identity.reserves_names, now);
    if (!lease) {
        return std::unexpected(to_wire(lease.error()));
    }
    auto port = ports_.take(request.name, lease->last_port);
    if (!port) {
        leases_.release(request.name, now);
        return std::unexpected(try_later(port.error().text, kOwnFaultRetry));
    }
    // What a detached one has published stays until this one is.
    Holder& holder = holders_[request.name];
    holder.identity = live.identity;
    holder.kind = request.kind;
    holder.generation = lease->generation;
    holder.port = std::move(*port);
    holder.since = utc_now();
    holder.is_being_asked = false;
    holder.session = session;
    holder.registration = registration;
    holder.ends = kNever;
    holder.ask_again = spread(ask_again);
    expect_at(holder.ask_again);
    live.names.emplace(registration, request.name);
    return Claim{.generation = holder.generation, .port = holder.port};
}

/// Where names change hands elsewhere, somebody else's right to this one may be over.
NameService::Answer<bool> NameService::outrank(const auth::Identity& identity,
                                               const wire::Register& request) {
    if (!authenticators_->outranks_leases(identity.key)) {
        co_return true;
    }
    const auto holder = holders_.find(request.name);
    const bool is_held = holder != holders_.end();
    const auto* lease = leases_.owner(request.name, std::chrono::system_clock::now());
    const std::string owner = is_held            ? holder->second.identity.key
                              : lease != nullptr ? lease->identity
                                                 : identity.key;
    if (owner == identity.key || authenticator_of(owner) != authenticator_of(identity.key)) {
        co_return true;
    }
    Decision answer;
    if (is_held) {
        auto asked = ask_about(holder->second.identity, request.name, holder->second.kind);
        answer = co_await std::move(asked);
    } else {
        auto asked = ask_about_owner(owner, request.name, request.kind);
        answer = co_await std::move(asked);
    }
    if (answer || !is_positive_no(answer.error())) {
        co_return std::unexpected(
            try_later("it is being found out whether the name is yours now", kOwnFaultRetry));
    }
    const auto still = holders_.find(request.name);
    if (still != holders_.end() && still->second.identity.key == owner) {
        auto revoking = revoke(request.name, std::move(answer.error()));
        co_await std::move(revoking);
    } else if (still == holders_.end()) {
        logger_.info("name '{}' is not reserved for {} any more", request.name, owner);
        leases_.forget(request.name, std::chrono::system_clock::now());
    }
    co_return true;
}

NameService::Answer<bool> NameService::make_room(SessionNumber session,
                                                 const wire::Register& request) {
    const LiveSession* const ours = claimant(session);
    if (ours == nullptr) {
        co_return std::unexpected(session_over());
    }
    const auto found = holders_.find(request.name);
    if (found == holders_.end()) {
        co_return true;
    }
    const Holder& holder = found->second;
    if (holder.identity.key != ours->identity.key) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::NameTaken, "the name belongs to somebody else"));
    }
    if (holder.session == session) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::NameInUse, "this session has registered the name already"));
    }
    if (!holder.session) {
        co_return true;  // it is detached
    }
    auto replacing = replace(session, request, *holder.session);
    co_return co_await std::move(replacing);
}

/// The same identity's other session has it.
NameService::Answer<bool> NameService::replace(SessionNumber session, const wire::Register& request,
                                               SessionNumber holding) {
    const LiveSession& theirs = sessions_.at(holding);
    const std::string words = fmt::format(
        "held by your other one, {} since {}; stop that one, or start this one with --takeover",
        theirs.who(), holders_.at(request.name).since);
    const std::string newcomer = sessions_.at(session).who();
    bool alive = false;
    if (const auto handle = theirs.handle.lock(); handle) {
        auto probe = handle->probe();
        auto call = net::call_on(handle->executor(), std::move(probe));
        alive = co_await std::move(call);
    }
    if (claimant(session) == nullptr) {
        co_return std::unexpected(session_over());  // takes nothing from anybody
    }
    const auto still = holders_.find(request.name);
    if (still == holders_.end() || still->second.session != holding) {
        co_return true;  // it left by itself meanwhile; nobody else can have come, we hold the
                         // claim
    }
    if (alive && !request.takeover) {
        co_return std::unexpected(refusal(wire::RefusalCode::NameInUse, words));
    }
    auto evicted =
        evict(request.name, "replaced by " + newcomer, alive ? HolderIs::Alive : HolderIs::Silent);
    co_return co_await std::move(evicted);
}

net::Awaitable<bool> NameService::evict(std::string name, std::string why, HolderIs holder) {
    const Holder& held = holders_.at(name);
    const RegistrationId registration = held.registration;
    const SessionNumber number = *held.session;
    LiveSession& live = sessions_.at(number);
    const auto handle = live.handle.lock();
    auto words = refusal(wire::RefusalCode::Replaced, std::move(why));
    logger_.info("name '{}' is taken from session {}: {}", name, number, words.text);
    if (holder == HolderIs::Alive) {
        live.names.erase(registration);
        detach(name);
    } else {
        leave(number);
    }
    if (handle) {
        auto loss = handle->lose_name(registration, std::move(words));
        auto call = net::call_on(handle->executor(), std::move(loss));
        co_await std::move(call);
    }
    if (handle && holder == HolderIs::Silent) {
        auto end = handle->end(try_later("no sign of life came in time; log in anew", {}));
        auto call = net::call_on(handle->executor(), std::move(end));
        co_await std::move(call);
    }
    co_return true;
}

}  // namespace diglett::gateway
