#include "net/event.hpp"

#include <utility>

namespace diglett::net {

void Event::notify() {
    notified_ = true;
    timer_.cancel();
}

Awaitable<bool> Event::wait_until(TimePoint deadline) {
    if (!notified_) {
        timer_.expires_at(deadline);
        (void)co_await timer_.async_wait(kAwait);  // the flag tells why it ended
    }
    co_return std::exchange(notified_, false);
}

}  // namespace diglett::net
