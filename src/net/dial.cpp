#include "net/dial.hpp"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "net/dial_race.hpp"
#include "net/limits.hpp"
#include "net/resolve.hpp"
#include "net/sleep.hpp"

namespace diglett::net {

namespace {

using Race = std::shared_ptr<DialRace>;

/// Closes what is still under way however the coroutine ends.
class Abandon {
  public:
    explicit Abandon(Race race) : race_(std::move(race)) {}

    ~Abandon() { race_->abandon(); }

    Abandon(const Abandon&) = delete;
    Abandon& operator=(const Abandon&) = delete;

  private:
    Race race_;
};

DialFailure kind_of(int error) {
    switch (error) {
        case ECONNREFUSED:
        case ENOENT:
            return DialFailure::Refused;
        case ETIMEDOUT:
            return DialFailure::TimedOut;
        default:
            return DialFailure::Other;
    }
}

std::unexpected<DialError> refuse(DialFailure kind, Errc code, const Endpoint& endpoint,
                                  std::string_view why) {
    return std::unexpected(
        DialError{kind, Error{code, fmt::format("{}: {}", to_string(endpoint), why)}});
}

std::unexpected<DialError> refuse(const Endpoint& endpoint, int error) {
    const auto kind = kind_of(error);
    const auto code = kind == DialFailure::TimedOut ? Errc::TimedOut : Errc::IoFailed;
    return refuse(kind, code, endpoint, errno_text(error));
}

SockAddr unix_address(const Endpoint& endpoint) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    endpoint.unix_path.copy(path.sun_path, sizeof path.sun_path - 1);
    SockAddr raw;
    std::memcpy(&raw.storage, &path, sizeof path);
    raw.size = sizeof path;
    return raw;
}

Awaitable<bool> is_cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

/// Starts the addresses one after the other, until one answers, all have failed or time is up.
Awaitable<DialResult> run(const Endpoint& endpoint, const std::vector<SockAddr>& addresses,
                          TimePoint deadline) {
    const auto executor = co_await asio::this_coro::executor;
    const auto race = std::make_shared<DialRace>(executor);
    const Abandon abandon(race);
    std::size_t started = 0;
    std::size_t failures_seen = 0;
    auto next_start = Clock::now();
    while (!race->is_won()) {
        const auto now = Clock::now();
        if (race->failed() > failures_seen) {
            failures_seen = race->failed();
            next_start = now;
        }
        if (started < addresses.size() && now >= next_start) {
            race->start(addresses[started++]);
            next_start = now + kNextAttemptAfter;
            continue;
        }
        if (race->pending() == 0 && started == addresses.size()) {
            co_return refuse(endpoint, race->error());
        }
        if (now >= deadline) {
            co_return refuse(DialFailure::TimedOut, Errc::TimedOut, endpoint, "no answer in time");
        }
        co_await race->wait_until(started < addresses.size() ? std::min(next_start, deadline)
                                                             : deadline);
        const bool cancelled = co_await is_cancelled();
        if (cancelled) {
            co_return refuse(DialFailure::Cancelled, Errc::Cancelled, endpoint, "cancelled");
        }
    }
    co_return race->take_winner();
}

/// A unix socket connects at once or not at all; only a full backlog is worth another try.
Awaitable<DialResult> dial_unix(const Endpoint& endpoint, TimePoint deadline) {
    const auto executor = co_await asio::this_coro::executor;
    const auto address = unix_address(endpoint);
    while (true) {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            co_return refuse(endpoint, errno);
        }
        if (::connect(fd, address.get(), address.size) == 0) {
            co_return Socket(executor, fd);
        }
        const int error = errno;
        ::close(fd);
        if (error != EAGAIN) {
            co_return refuse(endpoint, error);
        }
        if (Clock::now() >= deadline) {
            co_return refuse(DialFailure::TimedOut, Errc::TimedOut, endpoint,
                             "the backlog stayed full");
        }
        const bool slept = co_await sleep_until(Clock::now() + kUnixRetryAfter);
        if (!slept) {
            co_return refuse(DialFailure::Cancelled, Errc::Cancelled, endpoint, "cancelled");
        }
    }
}

}  // namespace

Awaitable<DialResult> dial(Endpoint endpoint, TimePoint deadline) {
    if (endpoint.is_unix()) {
        co_return co_await dial_unix(endpoint, deadline);
    }
    const auto resolved = co_await resolve(endpoint, deadline);
    if (!resolved) {
        co_return std::unexpected(resolved.error());
    }
    std::vector<SockAddr> addresses;
    for (const auto& address : *resolved) {
        addresses.push_back(to_sockaddr(address));
    }
    co_return co_await run(endpoint, addresses, deadline);
}

}  // namespace diglett::net
