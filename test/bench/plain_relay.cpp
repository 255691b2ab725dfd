// Yardstick of the benchmark: a plain relay on raw epoll, one thread, 64 KiB a read, no encryption.
// Two in a row are the two hops that a tunnel has too.
//   plain_relay LISTEN CONNECT

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "test/bench/load/sockets.hpp"

namespace diglett::bench {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;
/// Reads of one direction in a row. More gain no throughput, and small messages wait: a round trip
/// beside bulk took 0.12 ms with 1, 0.19 ms with 2 and 0.65 ms with 8.
constexpr int kReadsPerTurn = 1;

struct Pair;

/// One socket of a pair. Registered once, edge-triggered: the flags remember what it is ready for.
struct End {
    Fd fd;
    Pair* pair = nullptr;
    End* other = nullptr;
    bool readable = false;
    bool writable = false;
    bool hung_up = false;       ///< its peer has sent FIN, so a short read is not the last one
    bool ended = false;         ///< that FIN has been read
    std::vector<char> waiting;  ///< bytes for this socket that it has not taken yet
};

struct Pair {
    End visitor;
    End onward;
    bool queued = false;
    bool broken = false;
};

class Relay {
  public:
    Relay(const sockaddr_in& listen, const sockaddr_in& connect)
        : listener_(listen_on(listen)), onward_(connect) {
        poll_.add(listener_, EPOLLIN, tag(nullptr));
    }

    [[noreturn]] void run() {
        epoll_event events[256];
        for (;;) {
            const auto timeout = std::chrono::milliseconds{queue_.empty() ? -1 : 0};
            const std::size_t ready = poll_.wait(events, timeout);
            for (std::size_t i = 0; i < ready; ++i) {
                if (events[i].data.ptr == nullptr) {
                    accept_all();
                } else {
                    note(*static_cast<End*>(events[i].data.ptr), events[i].events);
                }
            }
            serve_queue();
        }
    }

  private:
    void accept_all() {
        for (;;) {
            Fd fd = accept_from(listener_);
            if (fd.get() < 0) {
                return;
            }
            auto pair = std::make_unique<Pair>();
            pair->visitor.fd = std::move(fd);
            pair->onward.fd = start_connect(onward_);
            watch(*pair, pair->visitor, pair->onward);
            watch(*pair, pair->onward, pair->visitor);
            pairs_.emplace(pair.get(), std::move(pair));
        }
    }

    void watch(Pair& pair, End& end, End& other) {
        end.pair = &pair;
        end.other = &other;
        poll_.add(end.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, tag(&end));
    }

    void note(End& end, unsigned events) {
        end.readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        end.writable |= (events & EPOLLOUT) != 0;
        end.hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        enqueue(*end.pair);
    }

    void enqueue(Pair& pair) {
        if (!pair.queued) {
            pair.queued = true;
            queue_.push_back(&pair);
        }
    }

    void serve_queue() {
        std::vector<Pair*> turn;
        turn.swap(queue_);
        for (Pair* pair : turn) {
            pair->queued = false;
            pump(pair->visitor, pair->onward);
            pump(pair->onward, pair->visitor);
            finish_if_done(*pair);
        }
    }

    void pump(End& from, End& to) {
        for (int reads = 0; !from.pair->broken; ++reads) {
            if (!to.writable || !flush(to) || !from.readable || from.ended) {
                return;
            }
            if (reads == kReadsPerTurn) {
                enqueue(*from.pair);
                return;
            }
            const ssize_t size = ::recv(from.fd.get(), buffer_.data(), kBufferBytes, 0);
            if (size > 0) {
                from.readable = size == static_cast<ssize_t>(kBufferBytes) || from.hung_up;
                write(to, static_cast<std::size_t>(size));
            } else if (size == 0) {
                from.ended = true;
                ::shutdown(to.fd.get(), SHUT_WR);
            } else if (would_block()) {
                from.readable = false;
            } else {
                from.pair->broken = true;
            }
        }
    }

    void write(End& to, std::size_t size) {
        const std::size_t sent = send_some(to, buffer_.data(), size);
        to.waiting.assign(buffer_.begin() + static_cast<std::ptrdiff_t>(sent),
                          buffer_.begin() + static_cast<std::ptrdiff_t>(size));
    }

    /// Whether nothing waits for `to` any more.
    static bool flush(End& to) {
        if (!to.waiting.empty()) {
            const std::size_t sent = send_some(to, to.waiting.data(), to.waiting.size());
            to.waiting.erase(to.waiting.begin(),
                             to.waiting.begin() + static_cast<std::ptrdiff_t>(sent));
        }
        return to.waiting.empty();
    }

    static std::size_t send_some(End& to, const char* data, std::size_t size) {
        const ssize_t sent = ::send(to.fd.get(), data, size, MSG_NOSIGNAL);
        to.pair->broken |= sent < 0 && !would_block();
        const std::size_t taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
        to.writable = taken == size;
        return taken;
    }

    void finish_if_done(Pair& pair) {
        const bool ended = pair.visitor.ended && pair.onward.ended &&
                           pair.visitor.waiting.empty() && pair.onward.waiting.empty();
        if (!ended && !pair.broken) {
            return;
        }
        if (pair.broken) {
            reset_on_close(pair.visitor);
            reset_on_close(pair.onward);
        }
        if (pair.queued) {
            std::erase(queue_, &pair);
        }
        pairs_.erase(&pair);
    }

    static void reset_on_close(const End& end) {
        const linger now{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(end.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

    Fd listener_;
    sockaddr_in onward_;
    Poll poll_;
    std::unordered_map<Pair*, std::unique_ptr<Pair>> pairs_;
    std::vector<Pair*> queue_;
    std::vector<char> buffer_ = std::vector<char>(kBufferBytes);
};

}  // namespace
}  // namespace diglett::bench

int main(int argc, char** argv) {
    using namespace diglett::bench;
    if (argc != 3) {
        fmt::print(stderr, "usage: plain_relay LISTEN CONNECT\n");
        return 2;
    }
    raise_descriptor_limit();
    Relay{parse_address(argv[1]), parse_address(argv[2])}.run();
}
