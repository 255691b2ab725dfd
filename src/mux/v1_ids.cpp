#include "mux/v1_ids.hpp"

#include <algorithm>

#include "mux/v1_limits.hpp"

namespace diglett::mux {

void V1IdSequence::start_at(std::uint16_t registration) {
    first_ = (std::uint32_t{registration} << 16U) + 1;
}

std::optional<std::uint32_t> V1IdSequence::next() {
    if (is_used_up()) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(first_ + count_++);
}

bool V1IdSequence::was_opened(std::uint32_t id) const {
    return static_cast<std::uint32_t>(id - first_) < count_;
}

void V1Drains::add(std::uint32_t id, TimePoint heard, TimePoint now) {
    drains_[id] = Drain{heard, now + kV1LongestDrain};
    checks_.emplace_back(now + kV1QuietBeforeClose, id);
}

bool V1Drains::touch(std::uint32_t id, TimePoint now) {
    const auto found = drains_.find(id);
    if (found == drains_.end()) {
        return false;
    }
    found->second.heard = now;
    return true;
}

std::vector<std::uint32_t> V1Drains::take_due(TimePoint now) {
    std::vector<std::uint32_t> due;
    while (!checks_.empty() && checks_.front().first <= now) {
        const std::uint32_t id = checks_.front().second;
        checks_.pop_front();
        const auto found = drains_.find(id);
        if (found == drains_.end()) {
            continue;
        }
        const Drain& drain = found->second;
        if (drain.heard + kV1QuietBeforeClose <= now || drain.until <= now) {
            due.push_back(id);
            drains_.erase(found);
        } else {
            checks_.emplace_back(now + kV1QuietBeforeClose, id);
        }
    }
    return due;
}

TimePoint V1Drains::deadline() const {
    return checks_.empty() ? kNever : checks_.front().first;
}

void V1Drains::clear() {
    drains_.clear();
    checks_.clear();
}

void V1IgnoredIds::add(std::uint32_t id, TimePoint now) {
    forget_before(now);
    if (order_.size() >= kV1MaxIgnoredIds) {
        forget_before(order_.front().first);
    }
    until_[id] = now + kV1IgnoreClosedId;
    order_.emplace_back(now + kV1IgnoreClosedId, id);
}

bool V1IgnoredIds::contains(std::uint32_t id, TimePoint now) {
    forget_before(now);
    return until_.contains(id);
}

void V1IgnoredIds::clear() {
    until_.clear();
    order_.clear();
}

void V1IgnoredIds::forget_before(TimePoint now) {
    while (!order_.empty() && order_.front().first <= now) {
        const auto [until, id] = order_.front();
        order_.pop_front();
        // The id may have been closed again since, for longer.
        if (const auto found = until_.find(id); found != until_.end() && found->second <= until) {
            until_.erase(found);
        }
    }
}

}  // namespace diglett::mux
