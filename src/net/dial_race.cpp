#include "net/dial_race.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace diglett::net {

namespace {

/// On loopback the handshake is over when connect(2) returns, although it says "in progress": one
/// poll spares a turn of the event loop.
bool is_ready_now(int fd) {
    pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
    return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

void DialRace::start(const SockAddr& address) {
    const int fd =
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return lose(errno);
    }
    // Connecting before Asio watches it: an unconnected socket counts as broken (EPOLLHUP).
    if (::connect(fd, address.get(), address.size) != 0 && errno != EINPROGRESS) {
        const int error = errno;
        ::close(fd);
        return lose(error);
    }
    const bool ready = is_ready_now(fd);
    Socket socket(executor_, fd);
    if (!socket.is_open()) {
        return lose(ENOMEM);
    }
    ++pending_;
    const auto index = attempts_.size();
    attempts_.emplace_back(std::move(socket));
    if (ready) {
        return on_ready(index);
    }
    attempts_.back()->on_writable(
        [self = shared_from_this(), index](const boost::system::error_code& error) {
            if (!error) {
                self->on_ready(index);
            }
        });
}

void DialRace::on_ready(std::size_t index) {
    if (!attempts_[index]) {
        return;
    }
    auto socket = std::move(*attempts_[index]);
    attempts_[index].reset();
    --pending_;
    const int error = socket.take_error();
    if (error != 0) {
        lose(error);
    } else if (is_connected_to_itself(socket.native_handle())) {
        socket.reset();
        lose(ECONNREFUSED);
    } else {
        win(std::move(socket));
    }
}

void DialRace::win(Socket socket) {
    if (!winner_) {
        winner_.emplace(std::move(socket));
    }
    changed_.notify();
}

void DialRace::lose(int error) {
    ++failed_;
    if (error_ == 0 || (error == ECONNREFUSED && error_ != ECONNREFUSED)) {
        error_ = error;
    }
    changed_.notify();
}

Awaitable<void> DialRace::wait_until(TimePoint deadline) {
    (void)co_await changed_.wait_until(deadline);
}

Socket DialRace::take_winner() {
    auto socket = std::move(*winner_);
    abandon();
    return socket;
}

void DialRace::abandon() {
    winner_.reset();
    for (auto& attempt : attempts_) {
        attempt.reset();
    }
    pending_ = 0;
}

}  // namespace diglett::net
