#include "net/lookups.hpp"

#include <netdb.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "net/event.hpp"
#include "net/sockaddr.hpp"
#include "net/socket.hpp"

namespace diglett::net {

namespace {

/// A coroutine that waits. Only its worker ever drops the last reference: it owns a timer of that
/// worker's event loop.
struct Waiter {
    explicit Waiter(Executor on) : executor(on), done(on) {}

    Executor executor;
    Event done;
    std::optional<Lookups::Answer> answer;
};

using SharedWaiter = std::shared_ptr<Waiter>;

/// Signals are for the threads that expect them; a thread inherits what its maker blocks.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

void give(SharedWaiter waiter, const Lookups::Answer& answer) {
    const auto executor = waiter->executor;
    asio::post(executor, [waiter = std::move(waiter), answer] {
        waiter->answer = answer;
        waiter->done.notify();
    });
}

Lookups::Answer ask_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
        return std::unexpected(error == EAI_SYSTEM ? errno_text(errno)
                                                   : std::string(::gai_strerror(error)));
    }
    std::vector<Address> addresses;
    for (const auto* each = list; each != nullptr; each = each->ai_next) {
        SockAddr raw{.size = each->ai_addrlen};
        std::memcpy(&raw.storage, each->ai_addr, each->ai_addrlen);
        addresses.push_back(from_sockaddr(raw));
    }
    ::freeaddrinfo(list);
    return addresses;
}

std::unexpected<DialError> refuse(DialFailure kind, Errc code, const Endpoint& endpoint,
                                  std::string_view why) {
    return std::unexpected(
        DialError{kind, Error{code, fmt::format("{}: {}", to_string(endpoint), why)}});
}

}  // namespace

struct Lookups::State : std::enable_shared_from_this<State> {
    State(Function with, Limits within) : function(std::move(with)), limits(within) {}

    /// @return false when there is no place or no thread.
    bool add(const std::string& host, const SharedWaiter& waiter);
    void remove(const std::string& host, const SharedWaiter& waiter);

    const Function function;
    const Limits limits;

  private:
    bool start_thread();
    void work();

    std::mutex mutex_;                                        // guards all below
    std::map<std::string, std::vector<SharedWaiter>> asked_;  // hosts that wait or are looked up
    std::deque<std::string> waiting_;
    std::size_t threads_ = 0;
};

bool Lookups::State::add(const std::string& host, const SharedWaiter& waiter) {
    const std::lock_guard lock(mutex_);
    if (const auto known = asked_.find(host); known != asked_.end()) {
        known->second.push_back(waiter);
        return true;
    }
    const bool has_new_thread = threads_ < limits.threads && start_thread();
    if (!has_new_thread && (threads_ == 0 || waiting_.size() >= limits.waiting)) {
        return false;
    }
    asked_[host].push_back(waiter);
    waiting_.push_back(host);
    return true;
}

void Lookups::State::remove(const std::string& host, const SharedWaiter& waiter) {
    const std::lock_guard lock(mutex_);
    const auto asked = asked_.find(host);
    if (asked == asked_.end()) {
        return;
    }
    std::erase(asked->second, waiter);
    const auto place = std::ranges::find(waiting_, host);
    if (asked->second.empty() && place != waiting_.end()) {
        waiting_.erase(place);
        asked_.erase(asked);
    }
}

/// With mutex_ held: what was added before that is released is found by the thread.
bool Lookups::State::start_thread() {
    const SignalsBlocked blocked;
    try {
        std::thread([self = shared_from_this()] { self->work(); }).detach();
    } catch (const std::system_error&) {
        return false;
    }
    ++threads_;
    return true;
}

/// Body of a thread: ends when no name waits, for a thread costs less than a lookup.
void Lookups::State::work() {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) {
        const auto host = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        const auto answer = function(host);
        lock.lock();
        // Given with mutex_ held: a waiter that leaves waits for it, and its event loop with it.
        for (auto& waiter : asked_[host]) {
            give(std::move(waiter), answer);
        }
        asked_.erase(host);
    }
    --threads_;
}

namespace {

/// Takes the waiter away however the coroutine ends.
template <class State>
class Leave {
  public:
    Leave(std::shared_ptr<State> state, const std::string& host, SharedWaiter waiter)
        : state_(std::move(state)), host_(host), waiter_(std::move(waiter)) {}

    ~Leave() { state_->remove(host_, waiter_); }

    Leave(const Leave&) = delete;
    Leave& operator=(const Leave&) = delete;

  private:
    std::shared_ptr<State> state_;
    const std::string& host_;
    SharedWaiter waiter_;
};

}  // namespace

Lookups::Lookups(Function function) : Lookups(std::move(function), Limits{}) {}

Lookups::Lookups(Function function, Limits limits)
    : state_(std::make_shared<State>(std::move(function), limits)) {}

Lookups& Lookups::of_system() {
    static auto& lookups = *new Lookups(ask_system);  // never destroyed: threads may outlast main()
    return lookups;
}

Awaitable<std::expected<std::vector<Address>, DialError>> Lookups::ask(Endpoint endpoint,
                                                                       TimePoint deadline) {
    const auto executor = co_await asio::this_coro::executor;
    const auto waiter = std::make_shared<Waiter>(executor);
    const Leave leave(state_, endpoint.host, waiter);
    if (!state_->add(endpoint.host, waiter)) {
        co_return refuse(DialFailure::Other, Errc::LimitReached, endpoint,
                         "too many names are being looked up");
    }
    (void)co_await waiter->done.wait_until(deadline);
    const auto task = co_await asio::this_coro::cancellation_state;
    if (!waiter->answer) {
        if (task.cancelled() != asio::cancellation_type::none) {
            co_return refuse(DialFailure::Cancelled, Errc::Cancelled, endpoint, "cancelled");
        }
        co_return refuse(DialFailure::TimedOut, Errc::TimedOut, endpoint,
                         "the name service did not answer in time");
    }
    auto& answer = *waiter->answer;
    if (!answer || answer->empty()) {
        co_return refuse(
            DialFailure::Unresolved, Errc::IoFailed, endpoint,
            answer ? "the name has no address" : "the name cannot be resolved: " + answer.error());
    }
    for (auto& address : *answer) {
        address.port = endpoint.port;
    }
    co_return std::move(*answer);
}

}  // namespace diglett::net
