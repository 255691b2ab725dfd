#pragma once

#include <chrono>
#include <cstddef>

namespace diglett::agent {

/// Time for TCP to the gateway, name service included.
inline constexpr std::chrono::seconds kDialTimeout{10};

/// Time for the TLS (or protocol 1) handshake.
inline constexpr std::chrono::seconds kHandshakeTimeout{5};

/// Time from Login to Welcome: the gateway's authenticator may take 10 s. (protocol 7.5)
inline constexpr std::chrono::seconds kWelcomeTimeout{15};

/// Time from Register to its answer: authenticator, holder's ping and registrars. (protocol 7.5)
inline constexpr std::chrono::seconds kRegisterTimeout{25};

/// Time for a connection to the backend; the visitor is reset then.
inline constexpr std::chrono::seconds kBackendTimeout{5};

/// Connections to backends that are under way at once; further streams are reset.
inline constexpr std::size_t kMaxPendingDials = 256;

/// Conversation frames of the gateway that wait for their turn; each is at most 16 KiB.
inline constexpr std::size_t kMaxWaitingMessages = 128;

/// Time that open streams get when the agent is asked to stop.
inline constexpr std::chrono::seconds kDrainTimeout{5};

/// Time for the last words of a session to leave.
inline constexpr std::chrono::seconds kFarewellTimeout{1};

/// A session that lasted this long counts as a success: the next attempt comes at once.
inline constexpr std::chrono::seconds kSteadySession{10};

/// Shortest pause before a name is asked for again.
inline constexpr std::chrono::milliseconds kMinRetryDelay{200};

/// Longest pause that a gateway may ask for with try-later.
inline constexpr std::chrono::seconds kMaxRetryDelay{10};

}  // namespace diglett::agent
