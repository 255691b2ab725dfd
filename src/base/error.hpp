#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace diglett {

/// What went wrong. The number is the stable code a user sees as `DIG-nnnn` (docs/operations.md
/// explains each); a number is never given a second meaning. Culprit: 1xxx usage and configuration
/// (us, the operator), 2xxx the world (network, disk, limits), 3xxx the peer's identity or
/// credential, 4xxx names, 5xxx the peer broke the protocol, 9xxx our own fault. Worth a
/// retry: 2xxx but Cancelled, and 5xxx, as a new connection begins anew.
enum class Errc : std::uint16_t {
    InvalidUsage = 1001,  ///< The command line cannot be understood.
    InvalidConfig =
        1002,  ///< A configuration file or value is wrong; the text names file, line and key.
    UnreadableFile = 1003,  ///< A file that was named cannot be read or written.
    AddressInUse = 1004,    ///< The listening address is taken or cannot be bound.
    StateDirLocked = 1005,  ///< Another process of this program holds the state directory.
    CorruptState = 1006,    ///< A file of the state directory is unreadable; nothing was changed.
    WeakFileMode = 1007,    ///< A private file can be read by others.

    GatewayUnreachable = 2001,  ///< No connection to the gateway; retried for ever unless `--once`.
    BackendUnreachable =
        2002,  ///< The backend refused, timed out or could not be resolved; costs one stream.
    ConnectionLost = 2003,  ///< The carrier broke; retried.
    TimedOut = 2004,        ///< A deadline passed; retried where a retry is safe.
    LimitReached = 2005,  ///< One of our bounds is full (descriptors, streams, bytes); retry later.
    DiskFull = 2006,      ///< A state file could not be written; existing names go on.
    Cancelled = 2007,     ///< Stopped on request; not an error in the log.
    EndOfStream = 2008,   ///< The other end closed in an orderly way; not an error in the log.
    IoFailed = 2009,  ///< Any other failure reported by the system; the text carries errno's words.
    TryLater = 2010,  ///< The other side asks to come back later; retried after its delay.
    Undecided = 2011,  ///< The gateway's authenticator could not reach its own source; retried.

    GatewayKeyChanged =
        3001,  ///< The gateway shows another key than the one known; exit 5, no retry.
    GatewayUntrusted = 3002,   ///< The gateway's identity could not be accepted; exit 5, no retry.
    CredentialRefused = 3003,  ///< The gateway refused the credential; exit 5, no retry.
    CredentialExpired = 3004,  ///< The credential is no longer valid; exit 5, no retry.
    CredentialMissing =
        3005,  ///< The gateway accepts no agent without a credential from this address; exit 5.

    NameInvalid = 4001,   ///< The name breaks the grammar; exit 6.
    NameReserved = 4002,  ///< The name is on the reserved list; exit 6.
    NameTaken = 4003,     ///< Another identity holds or has reserved the name; exit 6.
    NameInUse =
        4004,  ///< The same identity's other agent is alive and holds it; exit 6 (or `--takeover`).
    NameNotAllowed = 4005,  ///< The identity may not use this name; exit 6.
    NameReplaced = 4006,    ///< Another agent took the name over; exit 6 when none is left.
    NameRevoked = 4007,     ///< The right to the name was withdrawn; exit 6 when none is left.
    TooManyNames = 4008,    ///< More names than the identity or session may hold; exit 6.

    ProtocolViolation = 5001,     ///< The peer sent what the protocol forbids; ends the session.
    UnsupportedVersion = 5002,    ///< No common protocol version; ends the session.
    FlowControlViolation = 5003,  ///< The peer sent past a limit it was given; ends the session.
    TlsFailed = 5004,  ///< The TLS layer failed or its records do not verify; ends the connection.
    TooMuchNoise =
        5005,  ///< More frames without cause than a well-behaved peer sends; ends the session.

    Internal = 9001,  ///< Our own bug; the text says where.
};

/// An error as it travels upward: a code to decide on and a sentence for people. Never compare the
/// text.
/// @note `text` may hold words of the peer; escape it (base/escape.hpp) where it is logged or
/// shown.
struct Error {
    Errc code;
    std::string text;

    friend bool operator==(const Error&, const Error&) = default;
};

/// `DIG-nnnn` for `code`.
[[nodiscard]] std::string dig_code(Errc code);

/// The exit code of docs/operations.md for a program that ends because of `code` (1..6).
[[nodiscard]] int exit_code(Errc code);

/// Whether an agent that meets `code` goes on trying.
[[nodiscard]] bool is_retryable(Errc code);

}  // namespace diglett
