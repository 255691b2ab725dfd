#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include <fmt/format.h>

#include "base/unique_fd.hpp"
#include "net/dial.hpp"
#include "net/sockaddr.hpp"

namespace diglett::net {

namespace {

/// The loopback address that `endpoint` means, by preference 127.0.0.1 for "localhost".
std::optional<Address> loopback_address(const Endpoint& endpoint) {
    const bool is_localhost = endpoint.host == "localhost";  // RFC 6761 section 6.3
    auto address = parse_address(is_localhost ? "127.0.0.1" : endpoint.host, endpoint.port);
    return address && address->is_loopback() ? address : std::nullopt;
}

}  // namespace

bool is_on_this_machine(const Endpoint& endpoint) {
    return endpoint.is_unix() || loopback_address(endpoint);
}

std::optional<DialResult> dial_at_once(Executor executor, const Endpoint& endpoint) {
    const auto address = endpoint.is_unix() ? std::nullopt : loopback_address(endpoint);
    if (!address) {
        return std::nullopt;
    }
    const auto raw = to_sockaddr(*address);
    UniqueFd fd(::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return std::nullopt;
    }
    // On loopback the handshake is over when connect(2) returns, although it says "in progress";
    // the second call tells (POSIX: its result is that of the first).
    const auto connect = [&] { return ::connect(fd.get(), raw.get(), raw.size) == 0 ? 0 : errno; };
    int error = connect();
    if (error == EINPROGRESS) {
        error = connect();
    }
    if (error == ECONNRESET || error == EPIPE) {
        return std::unexpected(DialError{
            DialFailure::Other,
            Error{Errc::IoFailed, fmt::format("{}: {}", to_string(endpoint), errno_text(error))}});
    }
    if (error != 0) {
        return std::nullopt;
    }
    const bool is_own = is_connected_to_itself(fd.get());
    Socket socket(executor, fd.release());
    if (is_own) {
        socket.reset();
    }
    return socket.is_open() ? std::optional<DialResult>(std::move(socket)) : std::nullopt;
}

}  // namespace diglett::net
