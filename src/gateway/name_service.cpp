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

/// What the log registrar can tell of; other kinds come with other registrars. (protocol 2.6)
constexpr std::string_view kOnlyKind = "http";

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

}  // namespace

std::string NameService::LiveSession::who() const {
    constexpr std::size_t kShownBytes = 4;
    if (instance == decltype(instance){}) {
        return fmt::format("an agent at {}", address);
    }
    return fmt::format("agent {} at {}", crypto::to_hex(ByteView(instance).first(kShownBytes)),
                       address);
}

NameService::NameService(Options options, auth::AuthenticatorChain authenticators,
                         registrar::RegistrarSet registrars, routing::LeaseBook leases,
                         Logger logger)
    : options_(std::move(options)),
      authenticators_(std::move(authenticators)),
      registrars_(std::move(registrars)),
      leases_(std::move(leases)),
      logger_(std::move(logger)) {}

NameService::Answer<auth::Identity> NameService::login(LoginRequest request) {
    const TimePoint deadline = Clock::now() + kAuthenticatorTimeout;
    auto asked = authenticators_.authenticate(request.credential, request.facts, deadline);
    auto identity = co_await std::move(asked);
    if (!identity) {
        co_return std::unexpected(to_wire(identity.error()));
    }
    if (auto busy = check_sessions(request, identity->key)) {
        co_return std::unexpected(std::move(*busy));
    }
    if (request.accepted) {
        request.accepted();
    }
    // Known before the older one is ended, so that the last of several logins at once remains.
    sessions_.insert_or_assign(request.session, LiveSession{.handle = request.handle,
                                                            .identity = *identity,
                                                            .instance = request.instance,
                                                            .address = request.facts.address,
                                                            .names = {}});
    auto ended = end_older_instance(request, identity->key);
    co_await std::move(ended);
    if (!sessions_.contains(request.session)) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::Replaced, "this agent logged in again"));
    }
    co_return std::move(*identity);
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

NameService::Answer<Claim> NameService::claim(SessionNumber session, RegistrationId registration,
                                              wire::Register request) {
    if (const auto valid = options_.name_policy.check(request.name); !valid) {
        co_return std::unexpected(to_wire(valid.error()));
    }
    if (request.kind != kOnlyKind) {
        co_return std::unexpected(refusal(wire::RefusalCode::KindUnsupported,
                                          "this gateway publishes the kind http only"));
    }
    if (claims_in_progress_.contains(request.name)) {
        co_return std::unexpected(try_later("the name is being claimed right now", kClaimRetry));
    }
    const ClaimInProgress in_progress(claims_in_progress_, request.name);
    auto checked = claim_checked(session, registration, std::move(request));
    co_return co_await std::move(checked);
}

NameService::Answer<Claim> NameService::claim_checked(SessionNumber session,
                                                      RegistrationId registration,
                                                      wire::Register request) {
    auto live = sessions_.find(session);
    if (live == sessions_.end()) {
        co_return std::unexpected(session_over());
    }
    const auth::Identity identity = live->second.identity;
    const TimePoint deadline = Clock::now() + kAuthenticatorTimeout;
    auto asked = authenticators_.authorize(identity, request.name, request.kind, deadline);
    const auto allowed = co_await std::move(asked);
    if (!allowed) {
        co_return std::unexpected(to_wire(allowed.error()));
    }
    auto room = make_room(session, request);
    const auto made = co_await std::move(room);
    if (!made) {
        co_return std::unexpected(made.error());
    }
    live = sessions_.find(session);  // it may have ended meanwhile
    if (live == sessions_.end()) {
        co_return std::unexpected(session_over());
    }
    const auto lease = leases_.claim(request.name, identity.key, identity.reserves_names,
                                     std::chrono::system_clock::now());
    if (!lease) {
        co_return std::unexpected(to_wire(lease.error()));
    }
    const Claim claim{.generation = lease->generation, .last_port = lease->last_port};
    holders_.insert_or_assign(request.name, Holder{.session = session,
                                                   .registration = registration,
                                                   .claim = claim,
                                                   .kind = request.kind,
                                                   .since = utc_now(),
                                                   .publication = nullptr});
    live->second.names.emplace(registration, request.name);
    co_return claim;
}

NameService::Answer<bool> NameService::make_room(SessionNumber session,
                                                 const wire::Register& request) {
    if (!sessions_.contains(session)) {
        co_return std::unexpected(session_over());
    }
    const auto holder = holders_.find(request.name);
    if (holder == holders_.end()) {
        co_return true;
    }
    const SessionNumber holding = holder->second.session;
    const LiveSession& theirs = sessions_.at(holding);
    if (theirs.identity.key != sessions_.at(session).identity.key) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::NameTaken, "the name belongs to somebody else"));
    }
    if (holding == session) {
        co_return std::unexpected(
            refusal(wire::RefusalCode::NameInUse, "this session has registered the name already"));
    }
    const std::string words = fmt::format(
        "held by your other one, {} since {}; stop that one, or start this one with --takeover",
        theirs.who(), holder->second.since);
    const std::string newcomer = sessions_.at(session).who();
    bool alive = false;
    if (const auto handle = theirs.handle.lock(); handle) {
        auto probe = handle->probe();
        auto call = net::call_on(handle->executor(), std::move(probe));
        alive = co_await std::move(call);
    }
    if (!sessions_.contains(session)) {
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
    auto evicted = evict(request.name, "replaced by " + newcomer, alive);
    co_return co_await std::move(evicted);
}

net::Awaitable<bool> NameService::evict(std::string name, std::string why, bool holder_alive) {
    const Holder& holder = holders_.at(name);
    const RegistrationId registration = holder.registration;
    const SessionNumber number = holder.session;
    const auto handle = sessions_.at(number).handle.lock();
    auto words = refusal(wire::RefusalCode::Replaced, std::move(why));
    logger_.info("name '{}' is taken from session {}: {}", name, number, words.text);
    if (holder_alive) {
        release(number, registration);
    } else {
        leave(number);
    }
    if (handle) {
        auto loss = handle->lose_name(registration, std::move(words));
        auto call = net::call_on(handle->executor(), std::move(loss));
        co_await std::move(call);
    }
    if (handle && !holder_alive) {
        auto end = handle->end(try_later("no sign of life came in time; log in anew", {}));
        auto call = net::call_on(handle->executor(), std::move(end));
        co_await std::move(call);
    }
    co_return true;
}

NameService::Answer<std::string> NameService::publish(SessionNumber session,
                                                      RegistrationId registration,
                                                      std::uint16_t port) {
    const auto over = refusal(wire::RefusalCode::Unknown, "the registration is over");
    const auto live = sessions_.find(session);
    if (live == sessions_.end() || !live->second.names.contains(registration)) {
        co_return std::unexpected(over);
    }
    const std::string name = live->second.names.at(registration);
    const Holder& holder = holders_.at(name);
    const Generation generation = holder.claim.generation;
    registrar::Request request{
        .name = name, .generation = generation, .kind = holder.kind, .local_port = port};
    // Kept before anybody hears of it, so that it is the same again whatever happens to us next.
    leases_.touch(name, port, std::chrono::system_clock::now());
    auto registering =
        registrars_.register_name(std::move(request), Clock::now() + kRegistrarTimeout);
    auto registered = co_await std::move(registering);
    if (!registered) {
        release(session, registration);
        co_return std::unexpected(to_wire(registered.error()));
    }
    const auto still = holders_.find(name);
    if (still == holders_.end() || still->second.session != session ||
        still->second.registration != registration) {
        co_return std::unexpected(over);  // the handle removes the name again
    }
    still->second.publication = std::move(*registered);
    co_return still->second.publication->url();
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

void NameService::leave(SessionNumber session) {
    const auto live = sessions_.find(session);
    if (live == sessions_.end()) {
        return;
    }
    for (const auto& [registration, name] : live->second.names) {
        give_up(name);
    }
    sessions_.erase(live);
}

void NameService::give_up(const std::string& name) {
    holders_.erase(name);
    leases_.release(name, std::chrono::system_clock::now());
}

}  // namespace diglett::gateway
