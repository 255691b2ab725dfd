#include "app/duration.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include "app/limits.hpp"
#include "base/escape.hpp"

namespace diglett::app {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

constexpr std::array<Unit, 4> kUnits{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view key, std::string_view text) {
    std::int64_t number = -1;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    for (const auto& known : kUnits) {
        const bool fits = error == std::errc{} && number >= 0 && unit == known.name;
        if (fits && number <= kMaxDuration.count() / known.milliseconds) {
            return std::chrono::milliseconds(number * known.milliseconds);
        }
    }
    return fail(
        Errc::InvalidConfig,
        fmt::format("'{}' is no duration for {}: write 500ms, 30s, 10m or 24h", escape(text), key));
}

}  // namespace diglett::app
