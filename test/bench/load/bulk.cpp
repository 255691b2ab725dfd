#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "test/bench/load/modes.hpp"
#include "test/bench/load/sockets.hpp"

namespace diglett::bench {
namespace {

using Clock = std::chrono::steady_clock;

class Bulk {
  public:
    explicit Bulk(const BulkOptions& options)
        : toward_backend_(options.toward_backend),
          counter_(connect_to(options.counter)),
          moved_(options.streams) {
        const Role role = toward_backend_ ? Role::Sink : Role::Source;
        for (std::size_t i = 0; i < options.streams; ++i) {
            Fd fd = connect_to(options.to);
            send_all(fd, &role, 1);
            set_nonblocking(fd);
            poll_.add(fd, toward_backend_ ? EPOLLOUT : EPOLLIN, tag(i));
            streams_.push_back(std::move(fd));
        }
        const Role counter = Role::Counter;
        send_all(counter_, &counter, 1);
        (void)read_counter();
    }

    void run_until(Clock::time_point end) {
        epoll_event events[64];
        for (auto now = Clock::now(); now < end; now = Clock::now()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
            const std::size_t ready = poll_.wait(events, left);
            for (std::size_t i = 0; i < ready; ++i) {
                move(events[i].data.u64);
            }
        }
    }

    /// Bytes that have arrived at their end so far.
    std::uint64_t arrived() {
        if (!toward_backend_) {
            return total();
        }
        const char ask = 0;
        send_all(counter_, &ask, 1);
        return read_counter();
    }

    [[nodiscard]] std::uint64_t total() const {
        return std::accumulate(moved_.begin(), moved_.end(), std::uint64_t{0});
    }

    [[nodiscard]] const std::vector<std::uint64_t>& moved() const { return moved_; }

  private:
    void move(std::size_t stream) {
        const int fd = streams_[stream].get();
        const ssize_t size = toward_backend_ ? ::send(fd, buffer_.data(), kBulkBytes, MSG_NOSIGNAL)
                                             : ::recv(fd, nullptr, kDiscardBytes, MSG_TRUNC);
        if (size > 0) {
            moved_[stream] += static_cast<std::uint64_t>(size);
        } else if (size == 0 || !would_block()) {
            die("bulk stream ended early");
        }
    }

    std::uint64_t read_counter() {
        std::uint64_t value = 0;
        receive_all(counter_, &value, sizeof value);
        return value;
    }

    bool toward_backend_;
    Fd counter_;
    Poll poll_;
    std::vector<Fd> streams_;
    std::vector<std::uint64_t> moved_;
    std::vector<char> buffer_ = std::vector<char>(kBulkBytes);
};

double slowest_share(const std::vector<std::uint64_t>& before,
                     const std::vector<std::uint64_t>& after) {
    std::uint64_t sum = 0;
    std::uint64_t least = ~std::uint64_t{0};
    for (std::size_t i = 0; i < after.size(); ++i) {
        sum += after[i] - before[i];
        least = std::min(least, after[i] - before[i]);
    }
    const double mean = static_cast<double>(sum) / static_cast<double>(after.size());
    return mean > 0 ? static_cast<double>(least) / mean : 0;
}

}  // namespace

std::string run_bulk(const BulkOptions& options) {
    Bulk bulk{options};
    bulk.run_until(Clock::now() + options.warmup);

    const auto start = Clock::now();
    const std::uint64_t first = bulk.arrived();
    const std::vector<std::uint64_t> before = bulk.moved();
    bulk.run_until(start + options.window);
    const std::uint64_t last = bulk.arrived();
    const std::chrono::duration<double> seconds = Clock::now() - start;

    return fmt::format(
        R"({{"bytes":{},"seconds":{:.6f},"gb_per_s":{:.4f},"moved_bytes":{},"slowest_share":{:.3f}}})",
        last - first, seconds.count(), static_cast<double>(last - first) / 1e9 / seconds.count(),
        bulk.total(), slowest_share(before, bulk.moved()));
}

}  // namespace diglett::bench
