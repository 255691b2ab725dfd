#include "mux/noise_guard.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "mux/limits.hpp"

namespace diglett::mux {

namespace {

constexpr std::array<std::string_view, 3> kNames{"Pings", "Windows that raise nothing",
                                                 "frames for streams that are not there"};

}  // namespace

NoiseGuard::NoiseGuard(TimePoint now)
    : buckets_{Bucket{kMaxPingsPerSecond, kMaxPingsPerSecond, now},
               Bucket{kMaxUselessWindowsPerSecond, kMaxUselessWindowsPerSecond, now},
               Bucket{kMaxStrayFramesPerSecond, kMaxStrayFramesPerSecond, now}} {}

Status NoiseGuard::count(Kind kind, TimePoint now) {
    const auto index = static_cast<std::size_t>(kind);
    Bucket& bucket = buckets_[index];
    const std::chrono::duration<double> elapsed = now - bucket.filled_at;
    bucket.tokens =
        std::min<double>(bucket.per_second, bucket.tokens + elapsed.count() * bucket.per_second);
    bucket.filled_at = now;
    if (bucket.tokens < 1.0) {
        return fail(Errc::TooMuchNoise,
                    fmt::format("more than {} {} a second", bucket.per_second, kNames[index]));
    }
    bucket.tokens -= 1.0;
    return {};
}

}  // namespace diglett::mux
