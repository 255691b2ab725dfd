#pragma once

#include <cstdint>

namespace diglett {

/// The memory that this process may use: the machine's, or its control group's limit (v2 or v1) if
/// that is lower. In bytes; 1 GiB when nothing can be read.
[[nodiscard]] std::uint64_t memory_limit_bytes();

/// Bytes that streams may hold by default: half of `limit`, at most 2 GiB.
[[nodiscard]] std::uint64_t default_memory_budget(std::uint64_t limit);

}  // namespace diglett
