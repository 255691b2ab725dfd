#include "mux/flow_window.hpp"

#include <algorithm>

#include "mux/limits.hpp"

namespace diglett::mux {

void FlowWindow::on_moved(std::uint64_t bytes, TimePoint now, const Circumstances& circumstances) {
    moved_ += bytes;
    const Duration span = std::max<Duration>(circumstances.round_trip, kMinMeasureSpan);
    const Duration elapsed = now - since_;
    // After a pause the span was longer: what one round trip would have moved counts. Within it,
    // what has moved already is reason enough to grow.
    const double share =
        elapsed <= span ? 1.0
                        : static_cast<double>(span.count()) / static_cast<double>(elapsed.count());
    const auto target =
        static_cast<std::uint64_t>(circumstances.multiple * static_cast<double>(moved_) * share);
    if (target > size_ && circumstances.may_grow) {
        size_ = std::max(size_, std::min(target, circumstances.most));
    }
    if (elapsed < span) {
        return;
    }
    if (target < size_ && circumstances.has_backlog && circumstances.round_trip > Duration{}) {
        size_ = std::min(size_, std::max(target, circumstances.least));
    }
    moved_ = 0;
    since_ = now;
}

}  // namespace diglett::mux
