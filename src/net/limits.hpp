#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.hpp"

/// Every bound of the sockets' folder: name, unit, reason.
namespace diglett::net {

/// Segments that one call of Socket moves at most: a batch of 256 KiB is 16 frames of two parts,
/// and the vector of this many stays small on the stack (2 KiB).
inline constexpr std::size_t kMaxSegments = 128;

/// Addresses of a name that are tried: more would only stretch a dial past any deadline.
inline constexpr std::size_t kMaxAddresses = 16;

/// A dial goes on to the next address when the one before has not answered for this long.
/// (RFC 8305 section 5)
inline constexpr Duration kNextAttemptAfter = std::chrono::milliseconds(250);

/// Pause before a unix socket whose backlog is full is tried again: no event tells of room.
inline constexpr Duration kUnixRetryAfter = std::chrono::milliseconds(10);

/// Threads that look names up at once. A name whose servers are silent keeps one for the C
/// library's whole patience (10 s and more), so this many such names are borne before others have
/// to wait; each costs a stack of a few pages.
inline constexpr std::size_t kMaxLookupThreads = 16;

/// Names that may wait for a thread; a thousand services have a place each.
inline constexpr std::size_t kMaxWaitingLookups = 1024;

/// Connections taken in a row before others of the worker have their turn.
inline constexpr int kMaxBurst = 8;

/// Pauses of accepting while the machine or the process is out of something: doubled from the first
/// to the longest, so that a short shortage is soon over and a long one costs nothing.
inline constexpr Duration kFirstPause = std::chrono::milliseconds(100);
inline constexpr Duration kLongestPause = std::chrono::seconds(1);

/// Shortest time between two reports that accepting pauses, of all listeners together.
inline constexpr Duration kReportInterval = std::chrono::seconds(1);

/// Unanswered probes of a shut window after which its owner may be dead: one is always under way, a
/// second one may follow a lost one.
inline constexpr int kProbesOfTheDead = 3;

}  // namespace diglett::net
