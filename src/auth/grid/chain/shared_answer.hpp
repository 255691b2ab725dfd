#pragma once

#include <list>
#include <optional>
#include <utility>

#include "net/event.hpp"

namespace diglett::auth::grid {

/// One answer that several coroutines of one worker wait for, each as long as it likes. Outlives
/// its waiters.
template <class T>
class SharedAnswer {
  public:
    explicit SharedAnswer(net::Executor executor) : executor_(executor) {}

    SharedAnswer(const SharedAnswer&) = delete;
    SharedAnswer& operator=(const SharedAnswer&) = delete;

    /// The first answer counts.
    void set(T answer) {
        if (answer_) {
            return;
        }
        answer_ = std::move(answer);
        for (net::Event* waiter : waiters_) {
            waiter->notify();
        }
    }

    /// @return null at `deadline` or when cancelled.
    [[nodiscard]] net::Awaitable<const T*> wait_until(TimePoint deadline) {
        if (!answer_) {
            Waiter waiter(*this);
            auto waiting = waiter.event.wait_until(deadline);
            (void)co_await std::move(waiting);  // the answer tells why it ended
        }
        co_return answer_ ? &*answer_ : nullptr;
    }

  private:
    struct Waiter {
        explicit Waiter(SharedAnswer& of)
            : event(of.executor_), list(of.waiters_), place(list.insert(list.end(), &event)) {}

        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;

        ~Waiter() { list.erase(place); }

        net::Event event;
        std::list<net::Event*>& list;
        std::list<net::Event*>::iterator place;
    };

    net::Executor executor_;
    std::optional<T> answer_;
    std::list<net::Event*> waiters_;
};

}  // namespace diglett::auth::grid
