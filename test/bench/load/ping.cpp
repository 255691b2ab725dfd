#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "test/bench/load/modes.hpp"
#include "test/bench/load/sockets.hpp"
#include "test/bench/load/stats.hpp"

namespace diglett::bench {

std::string run_ping(const sockaddr_in& to, std::size_t size, std::chrono::milliseconds window) {
    using Clock = std::chrono::steady_clock;
    constexpr auto kWarmup = std::chrono::milliseconds{50};

    const Fd fd = connect_to(to);
    std::vector<char> message(size, static_cast<char>(Role::Echo));
    std::vector<std::int64_t> times;
    times.reserve(std::size_t{1} << 16);

    const auto start = Clock::now();
    for (auto now = start; now < start + kWarmup + window;) {
        send_all(fd, message.data(), size);
        receive_all(fd, message.data(), size);
        const auto after = Clock::now();
        if (now >= start + kWarmup) {
            times.push_back(std::chrono::nanoseconds(after - now).count());
        }
        now = after;
    }
    return fmt::format("{{{}}}", latency_fields(times));
}

}  // namespace diglett::bench
