#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "test/bench/load/modes.hpp"
#include "test/bench/load/sockets.hpp"
#include "test/bench/load/stats.hpp"

namespace diglett::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMessageBytes = 64;
constexpr auto kWarmup = std::chrono::milliseconds{150};

struct Visitor {
    Fd fd;
    Clock::time_point started;
    bool sent = false;
    std::size_t received = 0;
};

class ConnectRate {
  public:
    explicit ConnectRate(const RateOptions& options)
        : to_(options.to), visitors_(options.parallel) {
        message_.fill(static_cast<char>(Role::Echo));
        for (std::size_t i = 0; i < visitors_.size(); ++i) {
            begin(i);
        }
    }

    void run_until(Clock::time_point end) {
        epoll_event events[64];
        for (auto now = Clock::now(); now < end; now = Clock::now()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
            const std::size_t ready = poll_.wait(events, left);
            for (std::size_t i = 0; i < ready; ++i) {
                step(events[i].data.u64);
            }
        }
    }

    void forget() {
        times_.clear();
        failed_ = 0;
    }

    std::string result(std::chrono::duration<double> seconds) {
        const double rate = static_cast<double>(times_.size()) / seconds.count();
        return fmt::format(R"({{"per_s":{:.1f},"failed":{},{}}})", rate, failed_,
                           latency_fields(times_));
    }

  private:
    void begin(std::size_t number) {
        Visitor& visitor = visitors_[number];
        visitor = Visitor{.fd = {}, .started = Clock::now()};
        visitor.fd = start_connect(to_);
        poll_.add(visitor.fd, EPOLLOUT, tag(number));
    }

    void step(std::size_t number) {
        Visitor& visitor = visitors_[number];
        const bool alive = visitor.sent ? receive(visitor) : send(number, visitor);
        if (!alive) {
            ++failed_;
            begin(number);
        } else if (visitor.received == kMessageBytes) {
            times_.push_back(std::chrono::nanoseconds(Clock::now() - visitor.started).count());
            begin(number);
        }
    }

    bool send(std::size_t number, Visitor& visitor) {
        const ssize_t size = ::send(visitor.fd.get(), message_.data(), kMessageBytes, MSG_NOSIGNAL);
        if (size < 0) {
            return would_block();
        }
        visitor.sent = true;
        poll_.change(visitor.fd, EPOLLIN, tag(number));
        return size == static_cast<ssize_t>(kMessageBytes);
    }

    static bool receive(Visitor& visitor) {
        std::array<char, kMessageBytes> answer{};
        const ssize_t size = ::recv(visitor.fd.get(), answer.data(), answer.size(), 0);
        visitor.received += size > 0 ? static_cast<std::size_t>(size) : 0;
        return size > 0 || (size < 0 && would_block());
    }

    sockaddr_in to_;
    Poll poll_;
    std::array<char, kMessageBytes> message_{};
    std::vector<Visitor> visitors_;
    std::vector<std::int64_t> times_;
    std::uint64_t failed_ = 0;
};

}  // namespace

std::string run_connect_rate(const RateOptions& options) {
    ConnectRate rate{options};
    rate.run_until(Clock::now() + kWarmup);
    rate.forget();
    const auto start = Clock::now();
    rate.run_until(start + options.window);
    return rate.result(Clock::now() - start);
}

}  // namespace diglett::bench
