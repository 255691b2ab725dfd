#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every bound of what the programs read and wait for at their start: name, unit, reason.
namespace diglett::app {

/// A configuration file; people write it, and a thousand services take about 100 KiB.
inline constexpr std::size_t kMaxConfigBytes = 1 << 20;

/// A certificate or a key in PEM form, with its chain.
inline constexpr std::size_t kMaxPemBytes = 1 << 20;

/// A file of CA certificates; Debian's whole bundle has 220 KiB.
inline constexpr std::size_t kMaxCaBytes = 1 << 20;

/// A key file: the agent's, which it writes itself, or that of a chain's account.
inline constexpr std::size_t kMaxKeyBytes = 4'096;

/// A file that holds a credential: as long as a Login may carry it. (protocol 2.4)
inline constexpr std::size_t kMaxCredentialFileBytes = 16 * 1'024;

/// How long another program that makes the key in the same state folder is waited for.
inline constexpr std::chrono::milliseconds kLockPatience{1'000};

/// Workers of a gateway: more threads than cores of any machine gain nothing.
inline constexpr std::uint32_t kMaxWorkers = 1'024;

/// The longest duration that a setting may say, a year; in milliseconds it fits 64 bits.
inline constexpr std::chrono::milliseconds kMaxDuration = std::chrono::hours{24 * 365};

/// How long a token is valid that the agent makes: enough for one login; the next connect makes
/// another.
inline constexpr std::chrono::minutes kMintedLifetime{5};

/// How often a gateway that stops looks whether its questions to the chain have ended.
inline constexpr std::chrono::milliseconds kStopStep{5};

}  // namespace diglett::app
