#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

/// Sockets of the benchmark's own programs. A benchmark has nobody to report an error to but the
/// driver, so everything here prints what failed and exits 1 instead of returning an error.
namespace diglett::bench {

/// Bytes of one write of a bulk source: large enough that its system calls do not count.
inline constexpr std::size_t kBulkBytes = std::size_t{256} * 1024;

/// Bytes that a sink discards with one system call (MSG_TRUNC without a buffer: no copy).
inline constexpr std::size_t kDiscardBytes = std::size_t{4} * 1024 * 1024;

/// Prints `what` and the text of errno on stderr and exits 1.
[[noreturn]] void die(const std::string& what);

/// Owner of one file descriptor; -1 is none.
class Fd {
  public:
    Fd() = default;

    explicit Fd(int fd) : fd_(fd) {}

    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;

    ~Fd() { close(); }

    [[nodiscard]] int get() const { return fd_; }

    void close();

  private:
    int fd_ = -1;
};

/// "A.B.C.D:PORT" as a socket address; the benchmark runs on IPv4 loopback alone.
sockaddr_in parse_address(const std::string& text);

/// A non-blocking listening socket with a backlog of 4096.
Fd listen_on(const sockaddr_in& address);

/// The next waiting connection of `listener`, non-blocking, TCP_NODELAY; get() < 0 when there is
/// none.
Fd accept_from(const Fd& listener);

/// A blocking connection with TCP_NODELAY whose reads fail after 10 s.
Fd connect_to(const sockaddr_in& address);

/// A non-blocking connection that may still be under way, TCP_NODELAY.
Fd start_connect(const sockaddr_in& address);

void set_nonblocking(const Fd& fd);

/// Whether the last call failed only because the socket was not ready.
bool would_block();

/// Writes all of `size` bytes to a blocking socket.
void send_all(const Fd& fd, const void* data, std::size_t size);

/// Reads exactly `size` bytes from a blocking socket.
void receive_all(const Fd& fd, void* data, std::size_t size);

/// Raises the soft descriptor limit to the hard one.
void raise_descriptor_limit();

/// epoll with the data pointer or number chosen by the caller.
class Poll {
  public:
    Poll();
    void add(const Fd& fd, unsigned events, epoll_data_t data) const;
    void change(const Fd& fd, unsigned events, epoll_data_t data) const;

    /// Waits at most `timeout` (negative: for ever) and fills `events`; the number filled.
    template <std::size_t N>
    std::size_t wait(epoll_event (&events)[N], std::chrono::milliseconds timeout) const {
        return wait_for(events, N, timeout);
    }

  private:
    std::size_t wait_for(epoll_event* events, std::size_t size,
                         std::chrono::milliseconds timeout) const;

    Fd fd_;
};

inline epoll_data_t tag(std::size_t number) {
    epoll_data_t data{};
    data.u64 = number;
    return data;
}

inline epoll_data_t tag(void* pointer) {
    epoll_data_t data{};
    data.ptr = pointer;
    return data;
}

}  // namespace diglett::bench
