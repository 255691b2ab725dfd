#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "test/bench/load/modes.hpp"
#include "test/bench/load/sockets.hpp"

namespace diglett::bench {
namespace {

constexpr std::size_t kListener = ~std::size_t{0};

struct Connection {
    Fd fd;
    Role role = Role::Echo;
    bool has_role = false;
};

class Backend {
  public:
    explicit Backend(const sockaddr_in& listen) : listener_(listen_on(listen)) {
        poll_.add(listener_, EPOLLIN, tag(kListener));
    }

    [[noreturn]] void run() {
        epoll_event events[256];
        for (;;) {
            const std::size_t ready = poll_.wait(events, std::chrono::milliseconds{-1});
            for (std::size_t i = 0; i < ready; ++i) {
                if (events[i].data.u64 == kListener) {
                    accept_all();
                } else {
                    serve(connections_[events[i].data.u64], events[i].events);
                }
            }
        }
    }

  private:
    void accept_all() {
        for (;;) {
            Fd fd = accept_from(listener_);
            if (fd.get() < 0) {
                return;
            }
            const auto slot = static_cast<std::size_t>(fd.get());
            if (slot >= connections_.size()) {
                connections_.resize(slot + 256);
            }
            poll_.add(fd, EPOLLIN, tag(slot));
            connections_[slot] = Connection{.fd = std::move(fd)};
        }
    }

    void serve(Connection& connection, unsigned events) {
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !read(connection)) {
            connection.fd.close();
            return;
        }
        if ((events & EPOLLOUT) != 0) {
            // Level-triggered: what does not fit now, or fails now, shows up at the next event.
            (void)::send(connection.fd.get(), buffer_.data(), kBulkBytes, MSG_NOSIGNAL);
        }
    }

    /// False when the connection has ended.
    bool read(Connection& connection) {
        if (connection.has_role && connection.role == Role::Sink) {
            const ssize_t got = ::recv(connection.fd.get(), nullptr, kDiscardBytes, MSG_TRUNC);
            sunk_ += got > 0 ? static_cast<std::uint64_t>(got) : 0;
            return got > 0 || (got < 0 && would_block());
        }
        const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
        if (got <= 0) {
            return got < 0 && would_block();
        }
        if (!connection.has_role) {
            connection.has_role = true;
            connection.role = static_cast<Role>(buffer_[0]);
        }
        return answer(connection, static_cast<std::size_t>(got));
    }

    bool answer(Connection& connection, std::size_t size) {
        switch (connection.role) {
            case Role::Echo:
            case Role::Idle:
                return reply(connection, buffer_.data(), size);
            case Role::Sink:
                sunk_ += size;
                return true;
            case Role::Source:
                poll_.change(connection.fd, EPOLLIN | EPOLLOUT,
                             tag(static_cast<std::size_t>(connection.fd.get())));
                return true;
            case Role::Counter:
                return reply(connection, &sunk_, sizeof sunk_);
        }
        return false;
    }

    static bool reply(Connection& connection, const void* data, std::size_t size) {
        return ::send(connection.fd.get(), data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
    }

    Fd listener_;
    Poll poll_;
    std::vector<Connection> connections_;
    std::vector<char> buffer_ = std::vector<char>(kBulkBytes);
    std::uint64_t sunk_ = 0;
};

}  // namespace

void run_backend(const sockaddr_in& listen) {
    raise_descriptor_limit();
    Backend{listen}.run();
}

}  // namespace diglett::bench
