#include "base/log_line.hpp"

#include <algorithm>

#include "base/escape.hpp"

namespace diglett {
namespace {

// What a line holds besides the message: time, level, a scope of at most kMaxEscapedBytes (twice
// that in JSON, where each quote and backslash takes two bytes), and punctuation.
constexpr std::size_t kMaxFrameBytes = 2 * kMaxEscapedBytes + 128;

std::string_view to_word(LogLevel level) {
    switch (level) {
        case LogLevel::Trace:
            return "trace";
        case LogLevel::Debug:
            return "debug";
        case LogLevel::Info:
            return "info";
        case LogLevel::Warning:
            return "warn";
        case LogLevel::Error:
            return "error";
    }
    return "error";
}

/// RFC 3339 in UTC with milliseconds.
std::string to_text(std::chrono::system_clock::time_point time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

/// The inside of a JSON string; `text` is printable ASCII already.
std::string quoted(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

std::string text_line(const LogLine& line, std::string_view scope) {
    std::string level(to_word(line.level));
    std::transform(level.begin(), level.end(), level.begin(),
                   [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    return fmt::format("{} {:<5} {}{}{}{}\n", to_text(line.time), level, scope.empty() ? "" : "[",
                       scope, scope.empty() ? "" : "] ",
                       escape_line(line.message, kMaxLogLineBytes - kMaxFrameBytes));
}

std::string json_line(const LogLine& line, std::string_view scope) {
    const auto field =
        scope.empty() ? std::string() : fmt::format(R"("scope":"{}",)", quoted(scope));
    return fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",{}\"message\":\"{}\"}}\n",
                       to_text(line.time), to_word(line.level), field,
                       // Halved, as every byte may be one that takes two.
                       quoted(escape_line(line.message, (kMaxLogLineBytes - kMaxFrameBytes) / 2)));
}

}  // namespace

std::string format_log_line(LogFormat format, const LogLine& line) {
    const std::string scope = escape_line(line.scope, kMaxEscapedBytes);
    return format == LogFormat::Json ? json_line(line, scope) : text_line(line, scope);
}

}  // namespace diglett
