#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.hpp"

namespace diglett::test {

/// How the bytes of a connection came to an end.
enum class Ending : unsigned char { Fin, Reset, Timeout };

/// What came, and how it ended.
struct Received {
    std::string bytes{};
    Ending ending = Ending::Timeout;
};

/// The outer end of a connection as a plain program sees it: blocking calls, each bounded by 20 s.
class BlockingSocket {
  public:
    explicit BlockingSocket(int fd) : fd_(fd) {
        const timeval limit{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }

    [[nodiscard]] int fd() const { return fd_.get(); }

    /// @return false when the other side is gone or takes nothing for 20 s.
    [[nodiscard]] bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    /// Sends without waiting. @return bytes taken.
    [[nodiscard]] std::size_t send_some(std::string_view bytes) {
        const auto sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }

    /// Reads exactly `size` bytes, or fewer when the connection ends before.
    [[nodiscard]] Received receive(std::size_t size) {
        Received result;
        result.bytes.resize(size);
        std::size_t got = 0;
        while (got < size) {
            const auto count = ::recv(fd(), result.bytes.data() + got, size - got, 0);
            if (count <= 0) {
                result.ending = ending_of(count);
                break;
            }
            got += static_cast<std::size_t>(count);
        }
        result.bytes.resize(got);
        return result;
    }

    /// Reads to the end.
    [[nodiscard]] Received receive_all() {
        Received result;
        while (true) {
            constexpr std::size_t kPiece = 256 * 1024;
            auto piece = receive(kPiece);
            result.bytes += piece.bytes;
            if (piece.bytes.size() < kPiece) {
                result.ending = piece.ending;
                return result;
            }
        }
    }

    void shutdown_write() { ::shutdown(fd(), SHUT_WR); }

    void close() { fd_.reset(); }

    /// Closes with a TCP reset.
    void reset() {
        const linger value{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &value, sizeof value);
        close();
    }

    /// Gives the descriptor away.
    [[nodiscard]] int release() { return fd_.release(); }

  private:
    static Ending ending_of(ssize_t count) {
        if (count == 0) {
            return Ending::Fin;
        }
        return errno == EAGAIN || errno == EWOULDBLOCK ? Ending::Timeout : Ending::Reset;
    }

    UniqueFd fd_;
};

/// Two ends of one connection; `ours` belongs to the test, `theirs` goes to the code under test.
struct SocketPair {
    BlockingSocket ours;
    int theirs;
};

[[nodiscard]] inline SocketPair unix_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::runtime_error("socketpair failed");
    }
    return {BlockingSocket(ends[0]), ends[1]};
}

/// Over 127.0.0.1.
[[nodiscard]] inline SocketPair tcp_pair() {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener.get(), raw, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), raw, &size) != 0 || ::connect(client.get(), raw, size) != 0) {
        throw std::runtime_error("no loopback connection");
    }
    const int server = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (server < 0) {
        throw std::runtime_error("accept failed");
    }
    return {BlockingSocket(client.release()), server};
}

/// A blocking connection to 127.0.0.1:`port`.
inline BlockingSocket connect_to(std::uint16_t port) {
    BlockingSocket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("no connection to the port");
    }
    return client;
}

/// A listener on a free port of 127.0.0.1.
class BlockingListener {
  public:
    BlockingListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const raw = reinterpret_cast<sockaddr*>(&address);
        const timeval limit{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (::bind(fd_.get(), raw, size) != 0 || ::listen(fd_.get(), 64) != 0 ||
            ::getsockname(fd_.get(), raw, &size) != 0) {
            throw std::runtime_error("no listener");
        }
        port_ = ntohs(address.sin_port);
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] BlockingSocket accept() {
        const int fd = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) {
            throw std::runtime_error("nobody came");
        }
        return BlockingSocket(fd);
    }

  private:
    UniqueFd fd_;
    std::uint16_t port_ = 0;
};

/// `size` bytes that depend on `seed` and on their place, so that nothing lost, doubled or mixed up
/// stays unseen.
[[nodiscard]] inline std::string pattern(std::uint64_t seed, std::size_t size) {
    std::string bytes(size, '\0');
    std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
    for (char& byte : bytes) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        byte = static_cast<char>(state >> 32U);
    }
    return bytes;
}

}  // namespace diglett::test
