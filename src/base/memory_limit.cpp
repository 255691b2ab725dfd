#include "base/memory_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/file.hpp"
#include "base/limits.hpp"

namespace diglett {

namespace {

/// The number in a limit file of the kernel; "max" and anything else count as no limit.
std::uint64_t limit_in(const char* path) {
    const auto text = read_file(path, kMaxLimitFileBytes);
    std::uint64_t value = 0;
    if (!text) {
        return UINT64_MAX;
    }
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
    return parsed.ec == std::errc{} && value > 0 ? value : UINT64_MAX;
}

std::uint64_t machine_memory() {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page_bytes = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0
               ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes)
               : kFallbackMemoryBytes;
}

}  // namespace

std::uint64_t memory_limit_bytes() {
    return std::min({machine_memory(), limit_in("/sys/fs/cgroup/memory.max"),
                     limit_in("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

std::uint64_t default_memory_budget(std::uint64_t limit) {
    return std::min(limit / 2, kMaxDefaultMemoryBytes);
}

}  // namespace diglett
