#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every bound of files and memory: name, unit, reason.
namespace diglett {

/// Longest path that an error shows, in bytes: the start tells which it is.
inline constexpr std::size_t kMaxShownPathBytes = 512;

/// First guess for a file that has no size of its own (a pipe, /proc), in bytes: a page.
inline constexpr std::size_t kPipeRoom = 4096;

/// How often a lock that somebody else holds is tried again: nobody notices so short a wait.
inline constexpr std::chrono::milliseconds kLockRetry{10};

/// What is read of a lock file, which holds a process number.
inline constexpr std::size_t kMaxPidBytes = 32;

/// Memory of a machine that does not say how much it has, in bytes: a small one.
inline constexpr std::uint64_t kFallbackMemoryBytes = std::uint64_t{1} << 30U;

/// The most of a large machine's memory that is taken without being told to, in bytes.
inline constexpr std::uint64_t kMaxDefaultMemoryBytes = std::uint64_t{2} << 30U;

/// What is read of the kernel's limit files: one number.
inline constexpr std::size_t kMaxLimitFileBytes = 64;

}  // namespace diglett
