#pragma once

#include <chrono>
#include <cstddef>

#include "net/socket.hpp"

/// Every bound of a tunnel: name, unit, reason.
namespace diglett::tunnel {

/// Ciphertext that one turn of the event loop takes from a carrier: large, since each wake-up has
/// its price, and bounded, since the other sockets of the worker wait meanwhile.
inline constexpr std::size_t kReceiveBytes = 256 * 1024;

/// A carrier counts as writable while fewer unsent bytes than this wait in the kernel, so that
/// control frames and small streams do not queue behind bulk there.
inline constexpr std::size_t kNotSentLowatBytes = 128 * 1024;

/// Streams that became ready before their frames leave, although others of the same turn still
/// wait.
inline constexpr unsigned kEventsPerFlush = 8;

/// Output buffers that a worker keeps for reuse: one in work, and a few that come back from blocked
/// carriers.
inline constexpr std::size_t kMaxFreeOutputs = 4;

/// A larger output buffer is not kept: a sealed batch needs 256 KiB and 22 bytes for each of its
/// records.
inline constexpr std::size_t kMaxFreeOutputBytes = 512 * 1024;

/// A read of a stream's socket that brought less than this has most likely emptied it: waiting
/// costs less than asking again.
inline constexpr std::size_t kWorthAskingAgainBytes = 16 * 1024;

/// Handshake bytes looked at in one go: a flight with a certificate chain fits.
inline constexpr std::size_t kHandshakePeekBytes = 16 * 1024;

/// How long a stream's socket that both sides have ended waits to be closed, how many are closed in
/// a row then, and how many may wait (few: their descriptors count for nobody any more). What
/// closing costs is then paid while others work: with 32 visitors that come and go, 8 % more of
/// them in a second.
inline constexpr std::chrono::milliseconds kCloseDelay{1};
inline constexpr unsigned kClosesPerTurn = 4;
inline constexpr std::size_t kMaxLateCloses = 32;

/// A peer whose machine says nothing for this long is dead (protocol 8.1), whether or not the
/// protocol has a ping. Protocol 1 has none.
inline constexpr std::chrono::seconds kCarrierSilence{15};

/// How TCP finds out while nothing is under way: silence, then two probes, 5 s each, make the 15 s,
/// and one lost probe does not kill.
inline constexpr net::Socket::Keepalive kCarrierKeepalive{
    .idle = std::chrono::seconds(5), .interval = std::chrono::seconds(5), .probes = 2};
static_assert(kCarrierKeepalive.idle + kCarrierKeepalive.interval * kCarrierKeepalive.probes ==
              kCarrierSilence);

/// How often a carrier is asked whether its peer still acknowledges what is under way: a death is
/// noticed this much late, and each look is a system call.
inline constexpr std::chrono::seconds kCarrierLook{1};

/// How long an ended carrier waits for the peer's close, so that no reset overtakes our last bytes.
inline constexpr std::chrono::seconds kLinger{1};

}  // namespace diglett::tunnel
