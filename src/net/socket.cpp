#include "net/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "net/sockaddr.hpp"

namespace diglett::net {

namespace {

void set_option(int fd, int level, int name, int value) {
    // A failure means that the socket is not TCP or already broken; neither needs the option.
    (void)::setsockopt(fd, level, name, &value, sizeof value);
}

void set_linger(int fd, bool reset) {
    const linger value{.l_onoff = reset ? 1 : 0, .l_linger = 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

void set_keepalive(int fd, const Socket::Keepalive& keepalive) {
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(keepalive.idle.count()));
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(keepalive.interval.count()));
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive.probes);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

IoResult result_of_read(ssize_t count) {
    if (count > 0) {
        return {.bytes = static_cast<std::size_t>(count)};
    }
    if (count == 0) {
        return {.state = IoResult::State::End};
    }
    if (would_block(errno)) {
        return {.state = IoResult::State::Blocked};
    }
    return {.state = IoResult::State::Failed, .error = errno};
}

IoResult result_of_write(ssize_t count) {
    if (count >= 0) {
        return {.bytes = static_cast<std::size_t>(count)};
    }
    if (would_block(errno)) {
        return {.state = IoResult::State::Blocked};
    }
    return {.state = IoResult::State::Failed, .error = errno};
}

template <class Call>
ssize_t retry(Call call) {
    ssize_t count = 0;
    do {
        count = call();
    } while (count < 0 && errno == EINTR);
    return count;
}

/// The segments as the system calls want them; more than fit are left out, which only makes the
/// call partial.
class Vector {
  public:
    template <class Segment>
    explicit Vector(std::span<const Segment> segments) {
        for (const auto& segment : segments.first(std::min(segments.size(), kMaxSegments))) {
            if (!segment.empty()) {
                entries_[count_++] = {.iov_base = const_cast<std::byte*>(segment.data()),
                                      .iov_len = segment.size()};
            }
        }
        header_.msg_iov = entries_.data();
        header_.msg_iovlen = count_;
    }

    Vector(const Vector&) = delete;
    Vector& operator=(const Vector&) = delete;

    [[nodiscard]] msghdr* header() { return &header_; }

    [[nodiscard]] bool empty() const { return count_ == 0; }

  private:
    std::array<iovec, kMaxSegments> entries_;
    std::size_t count_ = 0;
    msghdr header_{};
};

Status wait_status(const boost::system::error_code& error) {
    if (!error) {
        return {};
    }
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
        return fail(Errc::Cancelled, "the socket was closed");
    }
    return fail(Errc::IoFailed, error.message());
}

}  // namespace

Socket::Socket(Executor executor, int fd) : socket_(executor) {
    boost::system::error_code error;
    socket_.assign(asio::generic::stream_protocol(AF_UNSPEC, 0), fd, error);
    if (error) {
        ::close(fd);
        return;
    }
    // The one call that Asio would make at the first wait anyway; it cannot fail on a socket.
    socket_.native_non_blocking(true, error);
}

int Socket::release() {
    if (!socket_.is_open()) {
        return -1;
    }
    boost::system::error_code error;
    const int fd = socket_.release(error);
    return error ? -1 : fd;
}

Awaitable<Status> Socket::wait_readable() {
    const auto [error] = co_await socket_.async_wait(Native::wait_read, kAwait);
    co_return wait_status(error);
}

Awaitable<Status> Socket::wait_writable() {
    const auto [error] = co_await socket_.async_wait(Native::wait_write, kAwait);
    co_return wait_status(error);
}

void Socket::cancel() {
    boost::system::error_code ignored;  // fails only on a closed socket, which has no waits
    socket_.cancel(ignored);
}

IoResult Socket::read_some(MutableBytes into) {
    if (into.empty()) {
        return {};
    }
    const int fd = native_handle();
    return result_of_read(
        retry([&] { return ::recv(fd, into.data(), into.size(), MSG_DONTWAIT); }));
}

IoResult Socket::peek_some(MutableBytes into) {
    if (into.empty()) {
        return {};
    }
    const int fd = native_handle();
    return result_of_read(
        retry([&] { return ::recv(fd, into.data(), into.size(), MSG_DONTWAIT | MSG_PEEK); }));
}

IoResult Socket::read_some(std::span<const MutableBytes> into) {
    Vector vector(into);
    if (vector.empty()) {
        return {};
    }
    const int fd = native_handle();
    return result_of_read(retry([&] { return ::recvmsg(fd, vector.header(), MSG_DONTWAIT); }));
}

IoResult Socket::write_some(ByteView from) {
    const int fd = native_handle();
    return result_of_write(
        retry([&] { return ::send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

IoResult Socket::write_some(std::span<const ByteView> from) {
    Vector vector(from);
    if (vector.empty()) {
        return {};
    }
    const int fd = native_handle();
    return result_of_write(
        retry([&] { return ::sendmsg(fd, vector.header(), MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

void Socket::set_nodelay() {
    set_option(native_handle(), IPPROTO_TCP, TCP_NODELAY, 1);
}

void Socket::set_notsent_lowat(std::size_t bytes) {
    set_option(native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(bytes));
}

void Socket::set_linger_reset() {
    set_linger(native_handle(), true);
}

void Socket::clear_linger() {
    set_linger(native_handle(), false);
}

void Socket::set_keepalive(const Keepalive& keepalive) {
    net::set_keepalive(native_handle(), keepalive);
}

void set_stream_options(int fd) {
    set_linger(fd, true);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_keepalive(fd, Socket::Keepalive{});
}

Socket::PeerState Socket::peer_state() {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return {};
    }
    PeerState state{.broken = info.tcpi_state == TCP_CLOSE};
    if (info.tcpi_unacked > 0 || info.tcpi_probes >= kProbesOfTheDead) {
        // Data that comes in a stream does not count as acknowledgement there, and the reverse.
        state.unanswered =
            std::chrono::milliseconds(std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv));
    }
    return state;
}

int Socket::take_error() {
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void Socket::shutdown_write() {
    (void)::shutdown(native_handle(), SHUT_WR);
}

void Socket::close() {
    boost::system::error_code ignored;  // the descriptor is gone whatever close(2) says
    socket_.close(ignored);
}

void Socket::reset() {
    if (is_open()) {
        set_linger_reset();
    }
    close();
}

Address Socket::local_address() {
    SockAddr raw{.size = sizeof raw.storage};
    return ::getsockname(native_handle(), raw.get(), &raw.size) == 0 ? from_sockaddr(raw)
                                                                     : Address{};
}

Address Socket::remote_address() {
    SockAddr raw{.size = sizeof raw.storage};
    return ::getpeername(native_handle(), raw.get(), &raw.size) == 0 ? from_sockaddr(raw)
                                                                     : Address{};
}

std::string errno_text(int error) {
    auto text = std::generic_category().message(error);
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') {
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    }
    return text;
}

}  // namespace diglett::net
