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
#include "gateway/limits.hpp"
#include "gateway/session_handle.hpp"
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
    /// Called as soon as the credential is accepted, before anything is done for the session.
    std::function<void()> accepted{};
};

/// A session's right to a name, before its port is bound.
struct Claim {
    Generation generation;
    std::uint16_t last_port = 0;  ///< To be bound again if it can be; 0: none.
};

/// Who is logged in, who holds which name, and the conversation with the plug points: one place for
/// everything that sessions share. Control executor only; a session on its worker reaches it
/// through net::call_on.
class NameService {
  public:
    struct Options {
        routing::NamePolicy name_policy{};
        std::size_t max_sessions = kMaxSessions;
        std::size_t max_sessions_per_identity = kMaxSessionsPerIdentity;
    };

    template <class T>
    using Answer = net::Awaitable<std::expected<T, wire::Refusal>>;

    NameService(Options options, auth::AuthenticatorChain authenticators,
                registrar::RegistrarSet registrars, routing::LeaseBook leases, Logger logger);

    /// Decides a login. An older session of the same identity and instance is ended: its agent did
    /// not hear our Welcome. (protocol 7.7) Busy when there are too many others. (protocol 11.3)
    [[nodiscard]] Answer<auth::Identity> login(LoginRequest request);

    /// Decides whether a session may have a name, after asking a live holder of the same identity
    /// for a sign of life. On success the session holds the name. (protocol 9.4)
    [[nodiscard]] Answer<Claim> claim(SessionNumber session, RegistrationId registration,
                                      wire::Register request);

    /// Makes a claimed name public at `port`. @return the public URL, empty if there is none.
    [[nodiscard]] Answer<std::string> publish(SessionNumber session, RegistrationId registration,
                                              std::uint16_t port);

    /// The session gives a name up.
    void release(SessionNumber session, RegistrationId registration);

    /// The session is over: all its names are given up.
    void leave(SessionNumber session);

    [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }

  private:
    struct LiveSession {
        std::weak_ptr<SessionHandle> handle;
        auth::Identity identity;
        std::array<std::byte, 16> instance{};
        std::string address;
        std::map<RegistrationId, std::string> names;

        [[nodiscard]] std::string who() const;  ///< For people: instance and address.
    };

    struct Holder {
        SessionNumber session;
        RegistrationId registration;
        Claim claim;
        std::string kind;
        std::string since;
        std::unique_ptr<registrar::Registration> publication;
    };

    [[nodiscard]] Answer<Claim> claim_checked(SessionNumber session, RegistrationId registration,
                                              wire::Register request);
    [[nodiscard]] Answer<bool> make_room(SessionNumber session, const wire::Register& request);
    [[nodiscard]] net::Awaitable<bool> evict(std::string name, std::string why, bool holder_alive);
    [[nodiscard]] bool is_older(const LoginRequest& request, const std::string& identity,
                                SessionNumber number, const LiveSession& live) const;
    [[nodiscard]] std::optional<wire::Refusal> check_sessions(const LoginRequest& request,
                                                              const std::string& identity) const;
    [[nodiscard]] net::Awaitable<bool> end_older_instance(const LoginRequest& request,
                                                          const std::string& identity);
    void give_up(const std::string& name);

    Options options_;
    auth::AuthenticatorChain authenticators_;
    registrar::RegistrarSet registrars_;
    routing::LeaseBook leases_;
    Logger logger_;
    std::unordered_map<SessionNumber, LiveSession> sessions_;
    std::unordered_map<std::string, Holder> holders_;
    std::set<std::string> claims_in_progress_;
};

}  // namespace diglett::gateway
