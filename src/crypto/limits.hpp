#pragma once

#include <cstdint>

/// Every bound of the channels: name, unit, reason.
namespace diglett::crypto {

/// Handshake messages (key updates, tickets) that a peer may send after the handshake, besides one
/// for each kBytesPerLateMessage: a good peer sends one in 2^23 records, and each costs us a key
/// derivation. (protocol 11.3)
inline constexpr std::uint64_t kFreeLateMessages = 16;
inline constexpr std::uint64_t kBytesPerLateMessage = 64 * 1024;

}  // namespace diglett::crypto
