#include "net/task_group.hpp"

#include <exception>
#include <list>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/assert.hpp"
#include "net/event.hpp"
#include "net/fatal.hpp"

namespace diglett::net {

namespace {

/// Asio itself would start a task inside co_spawn when that is called on the loop's thread.
Awaitable<void> start_from_loop(Awaitable<void> task) {
    (void)co_await asio::post(kAwait);
    co_await std::move(task);
}

}  // namespace

struct TaskGroup::State {
    explicit State(Executor on) : executor(on), emptied(on) {}

    Executor executor;
    std::list<asio::cancellation_signal> running;
    Event emptied;
    bool cancelled = false;
};

TaskGroup::TaskGroup(Executor executor) : state_(std::make_shared<State>(executor)) {}

TaskGroup::~TaskGroup() {
    DIGLETT_ASSERT(state_->running.empty());
}

void TaskGroup::spawn(Awaitable<void> task) {
    if (state_->cancelled) {
        return;
    }
    const auto place = state_->running.emplace(state_->running.end());
    auto on_end = [state = state_, place](const std::exception_ptr& exception) {
        die_unless_cancelled(exception);
        state->running.erase(place);
        if (state->running.empty()) {
            state->emptied.notify();
        }
    };
    asio::co_spawn(state_->executor, start_from_loop(std::move(task)),
                   asio::bind_cancellation_slot(place->slot(), std::move(on_end)));
}

void TaskGroup::cancel() {
    state_->cancelled = true;
    for (auto& signal : state_->running) {
        signal.emit(asio::cancellation_type::terminal);
    }
}

Awaitable<void> TaskGroup::join() {
    const auto state = state_;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    while (!state->running.empty()) {
        (void)co_await state->emptied.wait_until(kNever);
    }
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
}

std::size_t TaskGroup::size() const {
    return state_->running.size();
}

Executor TaskGroup::executor() const {
    return state_->executor;
}

}  // namespace diglett::net
