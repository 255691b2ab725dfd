#include "net/listener.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "net/address.hpp"
#include "net/limits.hpp"
#include "net/sleep.hpp"
#include "net/sockaddr.hpp"

namespace diglett::net {

namespace {

/// Out of something that the whole machine or process shares; accepting again at once cannot help.
bool is_exhaustion(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// The listener itself is of no use any more. Everything else concerns one connection (accept(2),
/// "Error handling").
bool is_fatal(int error) {
    return error == EBADF || error == EINVAL || error == ENOTSOCK || error == EFAULT ||
           error == EOPNOTSUPP;
}

std::optional<Address> address_to_bind(const Endpoint& endpoint) {
    if (endpoint.host == "*") {
        return parse_address("::", endpoint.port);
    }
    if (endpoint.host == "localhost") {
        return parse_address("127.0.0.1", endpoint.port);
    }
    return parse_address(endpoint.host, endpoint.port);
}

Status bind_and_listen(int fd, const Address& address, int backlog) {
    const int on = 1;
    const int off = 0;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.family == Address::Family::IPv6) {
        (void)::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    const auto raw = to_sockaddr(address);
    if (::bind(fd, raw.get(), raw.size) != 0 || ::listen(fd, backlog) != 0) {
        return fail(Errc::AddressInUse,
                    fmt::format("cannot listen on {}: {}", to_string(address), errno_text(errno)));
    }
    return {};
}

}  // namespace

Listener::Listener(Socket socket, Options options)
    : socket_(std::move(socket)), options_(std::move(options)), bound_(socket_.local_address()) {
    if (bound_.is_unspecified()) {
        bound_ = {};
    }
}

Result<Listener> Listener::open(Executor executor, const Endpoint& endpoint, Options options) {
    const auto address = endpoint.is_unix() ? std::nullopt : address_to_bind(endpoint);
    if (!address) {
        return fail(Errc::InvalidUsage,
                    fmt::format("cannot listen on '{}': expected an IP address, localhost or *",
                                to_string(endpoint)));
    }
    const int family = address->family == Address::Family::IPv6 ? AF_INET6 : AF_INET;
    const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail(errno == EAFNOSUPPORT ? Errc::AddressInUse : Errc::IoFailed,
                    fmt::format("cannot listen on {}: {}", to_string(*address), errno_text(errno)));
    }
    UniqueFd owned(fd);
    // Bound before Asio watches it: an unbound socket counts as broken (EPOLLHUP).
    if (auto status = bind_and_listen(fd, *address, options.backlog); !status) {
        return forward_error(status);
    }
    return adopt(executor, std::move(owned), std::move(options));
}

Result<Listener> Listener::adopt(Executor executor, UniqueFd fd, Options options) {
    Socket socket(executor, fd.release());
    if (!socket.is_open()) {
        return fail(Errc::IoFailed, "cannot watch a listening socket");
    }
    return Listener(std::move(socket), std::move(options));
}

Listener::Accepted Listener::describe(int fd, const SockAddr& remote) const {
    Accepted accepted{.fd = fd, .remote = from_sockaddr(remote), .local = bound_};
    if (bound_.family == Address::Family::None) {
        SockAddr raw{.size = sizeof raw.storage};
        if (::getsockname(fd, raw.get(), &raw.size) == 0) {
            accepted.local = from_sockaddr(raw);
        }
    }
    return accepted;
}

Awaitable<Result<Listener::Accepted>> Listener::accept() {
    if (burst_ >= kMaxBurst) {
        burst_ = 0;
        (void)co_await asio::post(kAwait);
    }
    while (true) {
        SockAddr remote{.size = sizeof remote.storage};
        const int fd = ::accept4(socket_.native_handle(), remote.get(), &remote.size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        const int error = fd < 0 ? errno : 0;
        if (fd >= 0) {
            pause_ = kFirstPause;
            ++burst_;
            co_return describe(fd, remote);
        }
        if (!socket_.is_open()) {
            co_return fail(Errc::Cancelled, "the listener was closed");
        }
        if (error == EAGAIN || error == EWOULDBLOCK) {
            burst_ = 0;
            const auto ready = co_await socket_.wait_readable();
            if (!ready) {
                co_return forward_error(ready);
            }
        } else if (is_exhaustion(error)) {
            if (options_.pauses) {
                options_.pauses->tell(errno_text(error));
            }
            const bool slept = co_await sleep_until(Clock::now() + pause_);
            if (!slept) {
                co_return fail(Errc::Cancelled, "the task was cancelled");
            }
            pause_ = std::min(pause_ * 2, kLongestPause);
        } else if (is_fatal(error)) {
            co_return fail(Errc::IoFailed, fmt::format("cannot accept: {}", errno_text(error)));
        }
    }
}

Endpoint Listener::local_endpoint() {
    const auto address = socket_.local_address();
    return {.host = host_of(address), .port = address.port};
}

}  // namespace diglett::net
