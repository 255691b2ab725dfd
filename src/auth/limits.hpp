#pragma once

#include <cstddef>

/// Every bound of what authenticators read: name, unit, reason.
namespace diglett::auth {

/// A tokens file is written by people or generated; 10,000 identities take about 2 MiB.
inline constexpr std::size_t kMaxTokenFileBytes = 4 << 20;
inline constexpr std::size_t kMaxIdentities = 10'000;

/// Longest identity name in a tokens file, in bytes.
inline constexpr std::size_t kMaxIdentityNameBytes = 64;

}  // namespace diglett::auth
