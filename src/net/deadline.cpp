#include "net/deadline.hpp"

#include <memory>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>

#include "net/event.hpp"

namespace diglett::net {

namespace {

/// Shared by the waiting coroutine, which may leave first, and the handler.
struct Wait {
    explicit Wait(Executor executor) : done(executor) {}

    Event done;
    asio::cancellation_signal stop;
    bool finished = false;
    boost::system::error_code error;
};

using SharedWait = std::shared_ptr<Wait>;

/// Ends the wait on the socket however the coroutine ends.
class StopAtExit {
  public:
    explicit StopAtExit(SharedWait wait) : wait_(std::move(wait)) {}

    ~StopAtExit() {
        if (!wait_->finished) {
            wait_->stop.emit(asio::cancellation_type::terminal);
        }
    }

    StopAtExit(const StopAtExit&) = delete;
    StopAtExit& operator=(const StopAtExit&) = delete;

  private:
    SharedWait wait_;
};

auto handler_of(const SharedWait& wait) {
    return asio::bind_cancellation_slot(wait->stop.slot(),
                                        [wait](const boost::system::error_code& error) {
                                            wait->error = error;
                                            wait->finished = true;
                                            wait->done.notify();
                                        });
}

Awaitable<Status> finish(SharedWait wait, TimePoint deadline) {
    const StopAtExit stop(wait);
    (void)co_await wait->done.wait_until(deadline);
    if (wait->finished) {
        if (!wait->error) {
            co_return Status{};
        }
        const bool closed = wait->error == asio::error::operation_aborted ||
                            wait->error == asio::error::bad_descriptor;
        co_return fail(closed ? Errc::Cancelled : Errc::IoFailed, wait->error.message());
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
        co_return fail(Errc::Cancelled, "the task was cancelled");
    }
    co_return fail(Errc::TimedOut, "nothing happened in time");
}

}  // namespace

Awaitable<Status> wait_readable(Socket& socket, TimePoint deadline) {
    auto wait = std::make_shared<Wait>(socket.executor());
    socket.on_readable(handler_of(wait));
    return finish(std::move(wait), deadline);
}

Awaitable<Status> wait_writable(Socket& socket, TimePoint deadline) {
    auto wait = std::make_shared<Wait>(socket.executor());
    socket.on_writable(handler_of(wait));
    return finish(std::move(wait), deadline);
}

}  // namespace diglett::net
