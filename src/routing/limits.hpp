#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every bound of names and leases: name, unit, reason.
namespace diglett::routing {

/// Longest name: it becomes one label of a host name (RFC 1035, section 2.3.4). In bytes.
inline constexpr std::size_t kMaxNameBytes = 63;

/// How long a name is kept for its owner after its last use, so that no crash and no cut line can
/// be used to take it away.
inline constexpr std::chrono::hours kReservation{24};

/// Names of one identity, reserved ones included: more than one machine serves, few enough that one
/// credential cannot empty the name space.
inline constexpr std::size_t kMaxNamesPerIdentity = 1'000;

/// Names in all: about 200 bytes each in memory and on disk.
inline constexpr std::size_t kMaxNames = 100'000;

/// Shortest time between two writes of the file for changes that may be lost in a crash (last
/// uses). A change of owner or port is written at once.
inline constexpr std::chrono::seconds kLazySave{1};

/// Generations that may have been given since the file was last written: so many are skipped after
/// a crash, which is more than anybody claims names in a second.
inline constexpr std::uint64_t kUnsavedGenerations = 1'000'000;

/// Largest lease file that is read: kMaxNames leases with long identities.
inline constexpr std::size_t kMaxLeaseFileBytes = 128 << 20;

/// Largest port file that is read: 65,535 ports with the longest names, 120 bytes each.
inline constexpr std::size_t kMaxPortFileBytes = 16 << 20;

/// Longest identity key in the file, in bytes.
inline constexpr std::size_t kMaxIdentityBytes = 1'024;

}  // namespace diglett::routing
