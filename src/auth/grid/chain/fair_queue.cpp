#include "auth/grid/chain/fair_queue.hpp"

#include <algorithm>

namespace diglett::auth::grid {

/// Stands in its line as long as it lives; a slot that it was given but did not take goes on.
struct FairQueue::Waiter {
    Waiter(FairQueue& of, std::string from)
        : queue(of), source(std::move(from)), called(of.executor_) {
        queue.lines_[source].push_back(this);
        ++queue.waiting_;
    }

    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    ~Waiter() {
        if (granted && !taken) {
            queue.leave();
        } else if (!granted) {
            step_out();
        }
    }

    void step_out() {
        const auto line = queue.lines_.find(source);
        line->second.remove(this);
        --queue.waiting_;
        if (line->second.empty()) {
            queue.lines_.erase(line);
        }
    }

    FairQueue& queue;
    std::string source;
    net::Event called;
    bool granted = false;
    bool taken = false;
};

net::Awaitable<std::expected<FairQueue::Slot, FairQueue::Refusal>> FairQueue::enter(
    std::string source, TimePoint deadline) {
    if (in_use_ < limits_.at_once) {
        ++in_use_;
        co_return Slot(*this);
    }
    const auto line = lines_.find(source);
    if (waiting_ >= limits_.waiting ||
        (line != lines_.end() && line->second.size() >= limits_.waiting_per_source)) {
        co_return std::unexpected(Refusal::Full);
    }
    Waiter waiter(*this, std::move(source));
    auto waiting = waiter.called.wait_until(deadline);
    (void)co_await std::move(waiting);  // `granted` tells why it ended
    if (!waiter.granted) {
        co_return std::unexpected(Refusal::TimedOut);
    }
    waiter.taken = true;
    co_return Slot(*this);
}

void FairQueue::leave() {
    if (lines_.empty()) {
        --in_use_;
        return;
    }
    auto line = lines_.upper_bound(last_served_);  // the sources in turn, round and round
    if (line == lines_.end()) {
        line = lines_.begin();
    }
    last_served_ = line->first;
    Waiter* next = line->second.front();
    next->step_out();
    next->granted = true;  // with the slot that was in use before
    next->called.notify();
}

}  // namespace diglett::auth::grid
