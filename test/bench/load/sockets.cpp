#include "test/bench/load/sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace diglett::bench {
namespace {

void set_option(int fd, int level, int name, int value) {
    if (::setsockopt(fd, level, name, &value, sizeof value) != 0) {
        die("setsockopt");
    }
}

const sockaddr* generic(const sockaddr_in& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

Fd tcp_socket(int flags) {
    Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
    if (fd.get() < 0) {
        die("socket");
    }
    return fd;
}

}  // namespace

void die(const std::string& what) {
    fmt::print(stderr, "{}: {}\n", what, std::strerror(errno));
    std::exit(1);
}

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void Fd::close() {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

sockaddr_in parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const bool good = colon != std::string::npos &&
                      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) == 1;
    const int port = good ? std::atoi(text.c_str() + colon + 1) : 0;
    if (port <= 0 || port > 65535) {
        errno = EINVAL;
        die("address " + text);
    }
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

Fd listen_on(const sockaddr_in& address) {
    Fd fd = tcp_socket(SOCK_NONBLOCK);
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(fd.get(), generic(address), sizeof address) != 0 || ::listen(fd.get(), 4096) != 0) {
        die("listen");
    }
    return fd;
}

Fd accept_from(const Fd& listener) {
    Fd fd{::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (fd.get() >= 0) {
        set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    } else if (!would_block() && errno != ECONNABORTED) {
        die("accept");
    }
    return fd;
}

Fd connect_to(const sockaddr_in& address) {
    Fd fd = tcp_socket(0);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd.get(), generic(address), sizeof address) != 0) {
        die("connect");
    }
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

Fd start_connect(const sockaddr_in& address) {
    Fd fd = tcp_socket(SOCK_NONBLOCK);
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    if (::connect(fd.get(), generic(address), sizeof address) != 0 && errno != EINPROGRESS) {
        die("connect");
    }
    return fd;
}

void set_nonblocking(const Fd& fd) {
    if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
}

bool would_block() {
    return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
}

void send_all(const Fd& fd, const void* data, std::size_t size) {
    if (::send(fd.get(), data, size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
        die("send");
    }
}

void receive_all(const Fd& fd, void* data, std::size_t size) {
    const ssize_t got = ::recv(fd.get(), data, size, MSG_WAITALL);
    if (got != static_cast<ssize_t>(size)) {
        die(got >= 0 ? "connection ended early" : "recv");
    }
}

void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

Poll::Poll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_.get() < 0) {
        die("epoll_create1");
    }
}

void Poll::add(const Fd& fd, unsigned events, epoll_data_t data) const {
    epoll_event event{.events = events, .data = data};
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
        die("epoll_ctl");
    }
}

void Poll::change(const Fd& fd, unsigned events, epoll_data_t data) const {
    epoll_event event{.events = events, .data = data};
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd.get(), &event) != 0) {
        die("epoll_ctl");
    }
}

std::size_t Poll::wait_for(epoll_event* events, std::size_t size,
                           std::chrono::milliseconds timeout) const {
    const int ready =
        ::epoll_wait(fd_.get(), events, static_cast<int>(size), static_cast<int>(timeout.count()));
    if (ready < 0 && errno != EINTR) {
        die("epoll_wait");
    }
    return ready < 0 ? 0 : static_cast<std::size_t>(ready);
}

}  // namespace diglett::bench
