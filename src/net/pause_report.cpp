#include "net/pause_report.hpp"

#include <utility>

#include "net/limits.hpp"

namespace diglett::net {

PauseReport::PauseReport(std::function<void(std::string_view why)> say) : say_(std::move(say)) {}

void PauseReport::tell(std::string_view why) {
    const auto now = Clock::now();
    auto next = next_.load();
    if (now >= next && next_.compare_exchange_strong(next, now + kReportInterval)) {
        say_(why);
    }
}

}  // namespace diglett::net
