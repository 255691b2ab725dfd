#pragma once

#include <cstddef>
#include <memory>

#include "net/async.hpp"

namespace diglett::net {

/// Owns coroutines of one worker, so that none outlives what it uses. The owner calls cancel() and
/// awaits join() before it goes; destroying a group with running tasks is a bug and aborts.
///
/// An exception that leaves a task is a bug and aborts, except the one by which Asio unwinds a
/// cancelled coroutine. A coroutine that may be cancelled itself and must join a group of its own
/// first says `co_await asio::this_coro::throw_if_cancelled(false);`.
class TaskGroup {
  public:
    explicit TaskGroup(Executor executor);
    ~TaskGroup();

    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Starts `task` from the event loop, not from within this call. After cancel() it is dropped
    /// unstarted.
    void spawn(Awaitable<void> task);

    /// Cancels what every task waits for now; its next co_await after that throws and unwinds it.
    /// Repeating is harmless. May be called from within a task of the group.
    void cancel();

    /// Returns when no task is left; new ones may come while it waits. Not to be awaited by a task
    /// of the group, and by one coroutine at a time. Its own wait cannot be cancelled.
    [[nodiscard]] Awaitable<void> join();

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] Executor executor() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace diglett::net
