#pragma once

#include <any>
#include <array>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "net/async.hpp"
#include "wire/message.hpp"

namespace diglett::auth {

/// What an agent showed at login. In protocol 1 there is no agent key.
struct Credential {
    Secret token;  ///< May be empty.
    bool has_agent_key = false;
    std::array<std::byte, 32> agent_key{};  ///< Possession proven over this very carrier.
};

/// What the gateway itself knows of the connection.
struct ConnectionFacts {
    std::string address;  ///< Text form of the agent's address, for logs.
    bool is_loopback = false;
    int protocol = 2;      ///< 1 or 2.
    std::string source{};  ///< Whom the connection counts for: an address or an IPv6 network.
};

/// A proven identity. `key` is stable over reconnects and restarts: "tokens:alice",
/// "key:FINGERPRINT", "local", "v1".
struct Identity {
    std::string key;
    bool reserves_names = true;  ///< False: its names are free as soon as its session ends.
    std::any grant;              ///< Opaque; only the authenticator that made it reads it.
    /// Set by who asks authorize() about a Register that came along with the login, before
    /// FinishRegister: what the login found out may still stand for now.
    bool at_login = false;
};

/// A refusal, with the words for the agent.
struct Refusal {
    wire::RefusalCode code;  ///< Credential, Expired, NameNotAllowed, TryLater or Undecided.
    std::string text;
    Duration retry_after{};  ///< With TryLater.
    /// The authenticator does not know this form of credential, so the next one may try.
    bool not_recognised = false;
    /// Of authorize(): not this name, but the identity itself no longer holds, with all its names;
    /// the code is Credential. The agent hears `revoked`.
    bool ends_identity = false;
};

/// May this name be used; when to ask again (kNever: not before the session ends).
struct Allowed {
    TimePoint ask_again = kNever;
};

/// Who may use which name: two questions. Lives on the control executor. Both answer before
/// `deadline`, or with Undecided; both may be cancelled at any await.
class Authenticator {
  public:
    virtual ~Authenticator() = default;

    /// A word for logs: "tokens", "open", "loopback".
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// Whether it accepts agents without checking a credential; the chain asks such a one last, and
    /// not at all about a credential that another recognised and refused.
    [[nodiscard]] virtual bool accepts_anyone() const { return false; }

    /// Whether its no and its yes count for more than what the gateway has reserved: names change
    /// hands elsewhere. Then a positive no frees the name at once, and a yes for a name that
    /// another of its identities holds or has reserved has that one asked again. For that
    /// authorize() takes an Identity with the key alone, as restored from a file: without a grant
    /// it says only whether that identity may have the name now. Encoded names (`xn--`) are its to
    /// give, too.
    [[nodiscard]] virtual bool outranks_leases() const { return false; }

    /// Who is this? `credential` and `facts` outlive the await.
    [[nodiscard]] virtual net::Awaitable<std::expected<Identity, Refusal>> authenticate(
        const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) = 0;

    /// May `identity`, which this authenticator made, use `name` with `kind`? All outlive the
    /// await. Only NameNotAllowed and Credential are a positive no; what cannot be decided now
    /// (Undecided, TryLater) ends nothing that lives.
    [[nodiscard]] virtual net::Awaitable<std::expected<Allowed, Refusal>> authorize(
        const Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) = 0;
};

}  // namespace diglett::auth
