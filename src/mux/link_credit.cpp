#include "mux/link_credit.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "mux/limits.hpp"

namespace diglett::mux {

LinkCredit::LinkCredit(std::uint64_t limit, std::uint64_t max_buffered, MemoryBudget* budget,
                       TimePoint now)
    : max_buffered_(max_buffered), budget_(budget), window_(limit, now), promised_(limit) {}

LinkCredit::~LinkCredit() {
    remove_buffered(buffered_);
}

void LinkCredit::update_window(std::uint64_t bytes, TimePoint now, Duration round_trip) {
    window_.on_moved(bytes, now,
                     {.round_trip = round_trip,
                      // A lone stream may use half of the window: twice that would stand still.
                      .multiple = 4,
                      .most = kMaxLinkWindowBytes,
                      .least = kInitialLinkWindowBytes,
                      .may_grow = may_grow(),
                      .has_backlog = !may_grow()});
}

void LinkCredit::add_buffered(std::uint64_t bytes) {
    buffered_ += bytes;
    if (budget_ != nullptr) {
        budget_->take(bytes);
    }
}

void LinkCredit::remove_buffered(std::uint64_t bytes) {
    DIGLETT_ASSERT(bytes <= buffered_);
    buffered_ -= bytes;
    if (budget_ != nullptr) {
        budget_->give_back(bytes);
    }
}

std::uint64_t LinkCredit::bound() const {
    if (budget_ == nullptr) {
        return max_buffered_;
    }
    return std::min(max_buffered_, buffered_ + budget_->remaining());
}

std::uint64_t LinkCredit::limit() const {
    const std::uint64_t room = buffered_ < max_buffered_ ? max_buffered_ - buffered_ : 0;
    std::uint64_t grant = std::min(window_.size(), room);
    if (budget_ != nullptr) {
        grant = std::min(grant, std::max(budget_->remaining(), kMinLinkWindowBytes));
    }
    return std::max(promised_, received_ + grant);
}

std::uint64_t LinkCredit::promise() {
    return promised_ = limit();
}

bool LinkCredit::promise_runs_low() const {
    return promised_ - received_ < window_.size() / 4 && limit() > promised_;
}

LinkCredit::Shortage LinkCredit::update_shortage() {
    is_link_short_ = is_link_short_ ? !is_relieved() : is_crowded();
    if (is_link_short_) {
        return Shortage::Link;
    }
    return budget_ != nullptr && budget_->is_short() ? Shortage::Process : Shortage::None;
}

bool LinkCredit::may_grow() const {
    return !is_crowded() && (budget_ == nullptr || budget_->level() == MemoryBudget::Level::Normal);
}

}  // namespace diglett::mux
