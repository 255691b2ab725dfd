#pragma once

#include <chrono>
#include <cstddef>

namespace diglett::gateway {

/// Time a new connection has for its first byte and the TLS (or protocol 1) handshake. (protocol
/// 11)
inline constexpr std::chrono::seconds kHandshakeTimeout{5};

/// Time for Hello and Login after the handshake. (protocol 11)
inline constexpr std::chrono::seconds kLoginTimeout{5};

/// Time an authenticator has for one question; it bounds us, not the peer.
inline constexpr std::chrono::seconds kAuthenticatorTimeout{10};

/// Time all registrars together have for one name.
inline constexpr std::chrono::seconds kRegistrarTimeout{10};

/// Time for the last words of a refused or closed session to leave.
inline constexpr std::chrono::seconds kFarewellTimeout{2};

/// Connections that have not logged in yet: 40 KiB of TLS state each, so at most 8 MiB.
inline constexpr std::size_t kMaxUnauthenticated = 200;

/// The same from one source address, so that one host cannot take every place.
inline constexpr std::size_t kMaxUnauthenticatedPerSource = 64;

/// Connections whose Login is complete but not accepted yet. (protocol 11.3)
inline constexpr std::size_t kMaxPendingLogins = 256;

/// The same from one source address: half of all.
inline constexpr std::size_t kMaxPendingLoginsPerSource = 128;

/// Names in one session: as many as an identity may have (routing::kMaxNamesPerIdentity). Each
/// holds a descriptor and a port of the machine. (protocol 11.3)
inline constexpr std::size_t kMaxRegistrations = 1'000;

/// Sessions of one identity: as many as it may have names (routing::kMaxNamesPerIdentity), so that
/// each name can have an agent of its own. Memory of all is bounded by the process's budget; this
/// keeps one credential from taking every descriptor. (protocol 11.3)
inline constexpr std::size_t kMaxSessionsPerIdentity = 1'000;

/// Sessions of a gateway, and at most one for each two of its descriptors: about 100 KiB of TLS and
/// tunnel each, so at most 1 GiB. (protocol 11.3)
inline constexpr std::size_t kMaxSessions = 10'000;

/// Delay suggested to an agent that finds all sessions taken.
inline constexpr std::chrono::milliseconds kBusyRetry{2'000};

/// Registers that a peer may send without waiting for an answer. (protocol 2.6)
inline constexpr std::size_t kMaxUnansweredRegisters = 100;

/// Conversation frames of one session that wait for their turn, which is while its login is decided
/// and within one receive: Registers, an Unregister for each name, and one each of Hello, Login,
/// FinishRegister and GoAway. (protocol 11.1)
inline constexpr std::size_t kMaxWaitingMessages =
    2 * kMaxUnansweredRegisters + kMaxRegistrations + 4;

/// Payload of those: 100 of the longest Registers are 35 KiB, a Login 16. It bounds what a
/// connection that has not logged in can make us hold. (protocol 11.1)
inline constexpr std::size_t kMaxWaitingBytes = 128 * 1024;

/// How long a holder of a name may take to answer a ping when the same identity asks for the name
/// again; 4 round trips if that is longer. (protocol 9.4)
inline constexpr std::chrono::seconds kProbeTimeout{1};

/// The most that a probe takes, however slow its holder has made its round trips look: the
/// newcomer's agent waits 25 s for all of it. (protocol 2.11)
inline constexpr std::chrono::seconds kMaxProbeTimeout{4};

/// The most that the first ping of a session is put off, at random, so that links do not ping in
/// step. (protocol 8)
inline constexpr std::chrono::milliseconds kMaxPingJitter{1'000};

/// How often a probe looks whether the holder has been heard.
inline constexpr std::chrono::milliseconds kProbeStep{10};

/// Delay suggested to an agent that meets a claim in progress.
inline constexpr std::chrono::milliseconds kClaimRetry{500};

/// Descriptors that visitors may not take, and helper ports only half of, so that agents, files and
/// logs still get theirs; a quarter of all when a process has fewer than 256.
inline constexpr std::size_t kReservedDescriptors = 64;

/// Pause of a visitors' listener while the descriptors for visitors are used up.
inline constexpr std::chrono::milliseconds kVisitorPause{100};

/// What the streams of a session whose stream numbers are used up have to end. (protocol 6.2)
inline constexpr std::chrono::seconds kUsedUpDrainTimeout{30};

/// How long a name stays public, and its port bound, for an agent whose link was lost.
inline constexpr std::chrono::seconds kNameGrace{60};

/// How often the ports that have rested are taken out of the file: it is no use to hurry.
inline constexpr std::chrono::seconds kPortsStorePause{1};

/// Questions to authenticators about names that live, at once.
inline constexpr std::size_t kMaxRechecks = 16;

/// When a question about a living name is asked again that could not be decided.
inline constexpr std::chrono::seconds kAskAgainSoon{5};

/// What an authenticator has beyond its deadline before it is given up.
inline constexpr std::chrono::seconds kDeadlineSlack{1};

/// Reservation that an agent hears in Welcome although its links cannot be resumed yet.
inline constexpr std::chrono::milliseconds kGrace{0};

/// Pause asked of an agent when something of ours failed: long enough to be mended, short enough
/// for whoever waits for the name.
inline constexpr std::chrono::milliseconds kOwnFaultRetry{2'000};

/// When an agent comes back after a shutdown. (protocol 9.3)
inline constexpr std::chrono::milliseconds kShutdownRetry{5'000};

/// Names and ports are looked after at the latest this often: ports that have rested are freed, and
/// clocks that jump are noticed.
inline constexpr std::chrono::seconds kMaxTendPause{1};

/// And at most this often, so that the loop does not spin.
inline constexpr std::chrono::milliseconds kMinTendPause{10};

/// Visitors of one helper port that wait for accept; the kernel cuts it to net.core.somaxconn,
/// which is this by default.
inline constexpr int kVisitorBacklog = 4'096;

}  // namespace diglett::gateway
