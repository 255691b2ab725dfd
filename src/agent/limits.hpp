#pragma once

#include <chrono>
#include <cstddef>

namespace diglett::agent {

/// Time for TCP to the gateway, name service included.
inline constexpr std::chrono::seconds kDialTimeout{10};

/// Time for the TLS (or protocol 1) handshake.
inline constexpr std::chrono::seconds kHandshakeTimeout{5};

/// Time for a person's yes to a gateway: one that has waited longer may be about to give up waiting
/// for the login (5 s, protocol 2.11), so it is dialled anew.
inline constexpr std::chrono::seconds kTrustTimeout{3};

/// Time from Login to Welcome: the gateway's authenticator may take 10 s. (protocol 2.11)
inline constexpr std::chrono::seconds kWelcomeTimeout{15};

/// Time from Welcome, or from a later Register, to the answer: authenticator, holder's ping and
/// registrars. (protocol 2.11)
inline constexpr std::chrono::seconds kRegisterTimeout{25};

/// Services of one agent: as many names as a gateway of this software gives a session and an
/// identity. (protocol 11.3)
inline constexpr std::size_t kMaxServices = 1'000;

/// Registers without an answer; the others wait for those. (protocol 2.6)
inline constexpr std::size_t kMaxUnansweredRegisters = 100;

/// Time for a connection to the backend; the visitor is reset then.
inline constexpr std::chrono::seconds kBackendTimeout{5};

/// Connections to backends that are under way at once; further streams are reset.
inline constexpr std::size_t kMaxPendingDials = 256;

/// Protocol 1: conversation frames that wait for their turn. No gateway sends more than an answer
/// to Login, one to Register, and Terminate.
inline constexpr std::size_t kMaxWaitingMessages = 4;

/// Time that open streams get when the agent is asked to stop.
inline constexpr std::chrono::seconds kDrainTimeout{5};

/// Time for the last words of a session to leave.
inline constexpr std::chrono::seconds kFarewellTimeout{1};

/// A session that lasted this long from Welcome on counts as a success: the next attempt comes at
/// once.
inline constexpr std::chrono::seconds kSteadySession{10};

/// Shortest pause before a name is asked for again.
inline constexpr std::chrono::milliseconds kMinRetryDelay{200};

/// Pause before coming back to a gateway that shuts down without saying when. (protocol 9.3)
inline constexpr std::chrono::seconds kShutdownPause{5};

/// Pause before coming back to a gateway without a common version: seldom. (protocol 9.1)
inline constexpr std::chrono::seconds kVersionPause{5};

/// Longest pause before coming back to a gateway that restarts, a random one, so that it meets no
/// herd. (protocol 9.3)
inline constexpr std::chrono::milliseconds kMaxRestartJitter{2'000};

/// How often a session that ends looks whether its streams have.
inline constexpr std::chrono::milliseconds kDrainStep{20};

/// Longest pause that a gateway may ask for with retry_ms. (protocol 11.3)
inline constexpr std::chrono::seconds kMaxRetryDelay{10};

/// Largest known_gateways file that is read: a line is about 100 bytes, so 10,000 gateways.
inline constexpr std::size_t kMaxKnownGatewaysBytes = 1 << 20;

/// How long another agent that writes known_gateways is waited for; it takes a few milliseconds.
inline constexpr std::chrono::milliseconds kKnownGatewaysPatience{1'000};

}  // namespace diglett::agent
