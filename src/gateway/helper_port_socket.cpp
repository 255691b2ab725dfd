#include "gateway/helper_port_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include "gateway/limits.hpp"
#include "net/socket.hpp"

namespace diglett::gateway {

namespace {

/// Whether others that ask for the same may bind this port too. Wanted while listening, as the
/// visitors' connections inherit it: those that linger after a restart then keep no port from being
/// bound again. Nobody else can bind a port that listens; one that only rests must not have it.
void set_shared(int fd, bool shared) {
    const int value = shared ? 1 : 0;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
}

}  // namespace

void stop_listening(int fd) {
    (void)::shutdown(fd, SHUT_RD);
    set_shared(fd, false);
}

bool start_listening(int fd) {
    set_shared(fd, true);
    return ::listen(fd, kVisitorBacklog) == 0;
}

bool bind_refusing(int fd, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    set_shared(fd, true);  // Linux knows whether it may be shared only once it has listened
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        !start_listening(fd)) {
        return false;
    }
    stop_listening(fd);
    return true;
}

UniqueFd make_socket() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    net::set_stream_options(fd.get());
    return fd;
}

}  // namespace diglett::gateway
