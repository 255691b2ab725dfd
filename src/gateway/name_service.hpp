#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "auth/authenticator_chain.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "gateway/helper_ports.hpp"
#include "gateway/limits.hpp"
#include "gateway/pending_logins.hpp"
#include "gateway/session_handle.hpp"
#include "net/bounded_call.hpp"
#include "net/event.hpp"
#include "net/task_group.hpp"
#include "registrar/registrar_set.hpp"
#include "routing/lease_book.hpp"
#include "routing/name.hpp"
#include "wire/message.hpp"

namespace diglett::gateway {

/// Unique among the sessions of this process; for logs and look-ups.
using SessionNumber = std::uint64_t;

/// A session that asks to log in.
struct LoginRequest {
    SessionNumber session;
    std::weak_ptr<SessionHandle> handle;
    auth::Credential credential;
    auth::ConnectionFacts facts;
    std::array<std::byte, 16> instance{};  ///< All zero in protocol 1: unknown.
    /// Called when the session has a place among the pending logins, before anybody is asked.
    std::function<void()> pending{};
};

/// When a name is asked for: along with the login, or after FinishRegister.
enum class Moment : std::uint8_t { AtLogin, Later };

/// A session's right to a name, and the port where its visitors will come.
struct Claim {
    Generation generation;
    std::shared_ptr<HelperPort> port;
};

/// A name that leads visitors to a session.
struct Published {
    std::string url;    ///< Empty if there is none.
    UniqueFd listener;  ///< Listening at the helper port.
};

/// Who is logged in, who holds which name, and the conversation with the plug points: one place for
/// everything that sessions share. Control executor only; a session on its worker reaches it
/// through net::call_on.
///
/// A name whose session was lost is *detached*: still public, its port bound but refusing, until
/// the same identity claims it again or its grace ends. Publication and port pass to the new claim.
class NameService {
  public:
    struct Options {
        routing::NamePolicy name_policy{};
        std::size_t max_sessions = kMaxSessions;
        std::size_t max_sessions_per_identity = kMaxSessionsPerIdentity;
        PendingLogins::Options pending_logins{};
        Duration grace = kNameGrace;  ///< Of names whose link was lost; 0: none.
        Duration ask_again_soon = kAskAgainSoon;
        Duration authenticator_timeout = kAuthenticatorTimeout;  ///< For one question.
    };

    struct Parts {
        auth::AuthenticatorChain authenticators;
        registrar::RegistrarSet registrars;
        routing::LeaseBook leases;
    };

    template <class T>
    using Answer = net::Awaitable<std::expected<T, wire::Refusal>>;

    /// @param ports outlives this.
    NameService(Options options, Parts parts, HelperPorts& ports, net::Executor control,
                Logger logger);
    /// After stop(), when tasks() have been joined.
    ~NameService() = default;

    NameService(const NameService&) = delete;
    NameService& operator=(const NameService&) = delete;

    /// Begins to look after names by itself: see tend().
    void start();

    /// No name is kept without its session any more; nothing is asked again.
    void stop();

    /// What start() and tend() have begun.
    [[nodiscard]] net::TaskGroup& tasks() { return tasks_; }

    /// Decides a login. An older session of the same identity and instance is ended: its agent did
    /// not hear our Welcome. (protocol 7.7) Busy when there are too many others, try-later when
    /// too many logins are pending. (protocol 11.3)
    [[nodiscard]] Answer<auth::Identity> login(LoginRequest request);

    /// The session ended while its login is being decided: nobody is asked any more.
    void abandon_login(SessionNumber session);

    /// Decides whether a session may have a name, after asking a live holder of the same identity
    /// for a sign of life. On success the session holds the name. (protocol 9.4) `moment` is for
    /// the authenticator.
    [[nodiscard]] Answer<Claim> claim(SessionNumber session, RegistrationId registration,
                                      wire::Register request, Moment moment = Moment::Later);

    /// Makes a claimed name public at its port.
    [[nodiscard]] Answer<Published> publish(SessionNumber session, RegistrationId registration);

    /// The session gives a name up.
    void release(SessionNumber session, RegistrationId registration);

    /// The agent ends its session in order: its names are given up, and it gets no others.
    void farewell(SessionNumber session);

    /// The session is over: the names that it has are detached.
    void leave(SessionNumber session);

    /// What is due at `now`: ends the grace of detached names, asks authenticators again, frees
    /// ports. @return when to come again at the latest.
    TimePoint tend(TimePoint now);

    /// Sessions logged in.
    [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }

  private:
    struct LiveSession {
        std::weak_ptr<SessionHandle> handle;
        auth::Identity identity;
        std::array<std::byte, 16> instance{};
        std::string address;
        std::map<RegistrationId, std::string> names{};
        std::size_t claiming = 0;  ///< Claims not decided yet.
        bool leaving = false;      ///< It said farewell.

        [[nodiscard]] std::string who() const;  ///< For people: instance and address.
    };

    /// A name that is held: by a session, or detached.
    struct Holder {
        auth::Identity identity;
        std::string kind;
        Generation generation;
        std::shared_ptr<HelperPort> port;
        std::unique_ptr<registrar::Registration> publication{};  ///< Perhaps of an older claim.
        std::string since;
        TimePoint ask_again = kNever;
        bool is_being_asked = false;
        std::optional<SessionNumber> session{};  ///< None: detached.
        RegistrationId registration{};
        TimePoint ends = kNever;  ///< Of a detached one.
    };

    using Holders = std::unordered_map<std::string, Holder>;
    using Decision = std::expected<auth::Allowed, auth::Refusal>;
    using Login = std::expected<auth::Identity, auth::Refusal>;

    /// Whose place a newcomer takes.
    enum class HolderIs : std::uint8_t { Alive, Silent };

    // name_service.cpp: logins
    [[nodiscard]] net::Awaitable<std::optional<Login>> ask_who(LoginRequest& request);
    [[nodiscard]] bool is_older(const LoginRequest& request, const std::string& identity,
                                SessionNumber number, const LiveSession& live) const;
    [[nodiscard]] std::optional<wire::Refusal> check_sessions(const LoginRequest& request,
                                                              const std::string& identity) const;
    [[nodiscard]] net::Awaitable<bool> end_older_instance(const LoginRequest& request,
                                                          const std::string& identity);

    // name_service_claim.cpp: who gets a name
    [[nodiscard]] Answer<Claim> claim_checked(SessionNumber session, RegistrationId registration,
                                              wire::Register request, Moment moment);
    [[nodiscard]] std::expected<Claim, wire::Refusal> hold(SessionNumber session,
                                                           RegistrationId registration,
                                                           const wire::Register& request,
                                                           TimePoint ask_again);
    [[nodiscard]] Answer<bool> outrank(const auth::Identity& identity,
                                       const wire::Register& request);
    [[nodiscard]] Answer<bool> make_room(SessionNumber session, const wire::Register& request);
    [[nodiscard]] Answer<bool> replace(SessionNumber session, const wire::Register& request,
                                       SessionNumber holding);
    [[nodiscard]] net::Awaitable<bool> evict(std::string name, std::string why, HolderIs holder);
    [[nodiscard]] const LiveSession* claimant(SessionNumber session) const;

    // name_service_publish.cpp: public, detached, given up
    [[nodiscard]] wire::Refusal unpublished(SessionNumber session, RegistrationId registration,
                                            const Error& why);
    [[nodiscard]] bool holds(const std::string& name, SessionNumber session,
                             RegistrationId registration) const;
    void detach(const std::string& name);
    void give_up(const std::string& name);
    void give_up(Holders::iterator at, bool forget);

    // name_service_tend.cpp: what happens by itself
    [[nodiscard]] static bool is_positive_no(const auth::Refusal& refused);
    /// Some time in the second half of the interval that ends at `ask_again`.
    [[nodiscard]] static TimePoint spread(TimePoint ask_again);
    [[nodiscard]] net::Awaitable<void> keep_tending();
    void expect_at(TimePoint when);
    [[nodiscard]] net::Awaitable<void> recheck(std::string name, Generation generation);
    [[nodiscard]] net::Awaitable<Decision> ask_about(auth::Identity identity, std::string name,
                                                     std::string kind);
    [[nodiscard]] net::Awaitable<Decision> ask_about_owner(std::string key, std::string name,
                                                           std::string kind);
    [[nodiscard]] net::Awaitable<Decision> in_time(net::Awaitable<Decision> asked,
                                                   TimePoint deadline);
    [[nodiscard]] net::Awaitable<void> revoke(std::string name, auth::Refusal why);
    [[nodiscard]] net::Awaitable<void> end_session(SessionNumber session, wire::Refusal why);

    Options options_;
    std::shared_ptr<auth::AuthenticatorChain> authenticators_;
    registrar::RegistrarSet registrars_;
    routing::LeaseBook leases_;
    HelperPorts& ports_;
    Logger logger_;
    PendingLogins pending_;
    std::unordered_map<SessionNumber, std::shared_ptr<net::BoundedCall<Login>>> logins_;
    std::unordered_map<SessionNumber, LiveSession> sessions_;
    Holders holders_;
    std::set<std::string> claims_in_progress_;
    std::size_t rechecks_ = 0;  ///< Under way.
    TimePoint next_due_ = TimePoint::min();
    net::Event due_changed_;
    net::TaskGroup tasks_;
};

}  // namespace diglett::gateway
