#include "test/bench/load/stats.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include <fmt/format.h>

namespace diglett::bench {

std::string latency_fields(std::vector<std::int64_t>& nanoseconds) {
    if (nanoseconds.empty()) {
        return R"("count":0)";
    }
    std::sort(nanoseconds.begin(), nanoseconds.end());
    const std::size_t last = nanoseconds.size() - 1;
    const auto at = [&](std::size_t percent) {
        return static_cast<double>(nanoseconds[last * percent / 100]) / 1000;
    };
    const std::int64_t sum =
        std::accumulate(nanoseconds.begin(), nanoseconds.end(), std::int64_t{});
    const double mean = static_cast<double>(sum) / static_cast<double>(nanoseconds.size()) / 1000;
    return fmt::format(R"("count":{},"p50_us":{:.2f},"p99_us":{:.2f},"mean_us":{:.2f})",
                       nanoseconds.size(), at(50), at(99), mean);
}

}  // namespace diglett::bench
