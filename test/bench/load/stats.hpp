#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace diglett::bench {

/// `"count":N,"p50_us":…,"p99_us":…,"mean_us":…` of durations in nanoseconds (sorted here), the
/// inside of a JSON object.
std::string latency_fields(std::vector<std::int64_t>& nanoseconds);

}  // namespace diglett::bench
