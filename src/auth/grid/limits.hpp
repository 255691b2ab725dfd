#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of what is read from the chain and from its tokens: name, unit, reason.
namespace diglett::auth::grid {

// Bounds of the pallets, from the metadata of runtime specs 125, 149 and 152; in bytes. What is
// longer was written by no such runtime.

inline constexpr std::size_t kMinContractNameBytes = 3;
inline constexpr std::size_t kMaxContractNameBytes = 64;
inline constexpr std::size_t kMaxDeploymentDataBytes = 512;
inline constexpr std::size_t kMaxRelayBytes = 1024;
inline constexpr std::size_t kMaxEncryptionKeyBytes = 128;

/// Longest label of a host name (RFC 1035, section 2.3.4), in bytes.
inline constexpr std::size_t kMaxHostLabelBytes = 63;

/// The end of the year 9999, in seconds and in milliseconds: what is later is a mistake, and no sum
/// of times overflows.
inline constexpr std::uint64_t kMaxTimeSeconds = 253'402'300'799;
inline constexpr std::uint64_t kMaxTimeMilliseconds = kMaxTimeSeconds * 1'000 + 999;

}  // namespace diglett::auth::grid
