#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "base/clock.hpp"
#include "net/async.hpp"
#include "net/event.hpp"
#include "net/fatal.hpp"

namespace diglett::net {

/// Calls that are given up at a deadline, whatever they do. One that is given up is cancelled where
/// it waits; should it go on all the same, its result is destroyed when it comes.
template <class T>
class BoundedCall {
  public:
    explicit BoundedCall(Executor executor) : state_(std::make_shared<State>(executor)) {}

    /// Gives the call up if it has not ended.
    ~BoundedCall() { stop(); }

    BoundedCall(const BoundedCall&) = delete;
    BoundedCall& operator=(const BoundedCall&) = delete;

    /// Runs `work` on the executor, which must be the caller's own. Once.
    /// @param work must keep alive what it uses, beyond the end of this call.
    /// @return its result; none when it was given up.
    [[nodiscard]] Awaitable<std::optional<T>> run(Awaitable<T> work, TimePoint deadline) {
        const auto state = state_;
        auto kept = keep(std::move(work), state);
        asio::co_spawn(state->executor, std::move(kept),
                       asio::bind_cancellation_slot(state->cancel.slot(),
                                                    [state](const std::exception_ptr& exception) {
                                                        die_unless_cancelled(exception);
                                                        state->ended = true;
                                                        state->done.notify();
                                                    }));
        while (!state->ended && !state->stopped && Clock::now() < deadline) {
            auto waiting = state->done.wait_until(deadline);
            const bool woken = co_await std::move(waiting);
            if (!woken) {
                break;  // the deadline, or the caller was cancelled
            }
        }
        stop();
        co_return std::exchange(state->result, std::nullopt);
    }

    /// Gives the call up: run() returns. On the executor.
    void stop() {
        state_->stopped = true;
        if (!state_->ended) {
            const auto state = state_;
            state->cancel.emit(asio::cancellation_type::terminal);
            state->done.notify();
        }
    }

  private:
    struct State {
        explicit State(Executor on) : executor(on), done(on) {}

        Executor executor;
        Event done;
        asio::cancellation_signal cancel;
        std::optional<T> result;
        bool ended = false;
        bool stopped = false;
    };

    static Awaitable<void> keep(Awaitable<T> work, std::shared_ptr<State> state) {
        (void)co_await asio::post(kAwait);  // not from within run()
        auto result = co_await std::move(work);
        if (!state->stopped) {
            state->result.emplace(std::move(result));
        }
    }

    std::shared_ptr<State> state_;
};

}  // namespace diglett::net
