#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

namespace diglett {

enum class LogFormat : std::uint8_t {
    Text,  ///< `2026-11-24T15:30:00.123Z INFO  [scope] message`
    Json,  ///< one object a line: `time`, `level`, `scope` where there is one, `message`
};

enum class LogLevel : std::uint8_t { Trace, Debug, Info, Warning, Error };

/// The level for `-d` given `count` times: info, debug, trace.
[[nodiscard]] LogLevel log_level_for(std::size_t debug_count);

/// Longest line of the log, its line end included, in bytes: PIPE_BUF of Linux, so that a line goes
/// into a pipe whole, and without waiting when poll() says that there is room (pipe(7)).
inline constexpr std::size_t kMaxLogLineBytes = 4096;

/// Where log lines go; handed around by value (a copy shares the sink). Safe to use from any
/// thread. Whatever is logged, one call makes exactly one line of printable ASCII. Words of a peer
/// still go through escape(), which also bounds them and keeps them from looking like ours.
class Logger {
  public:
    /// Discards everything.
    Logger();

    /// Lines of `level` and above go to `sink`, unformatted; tests collect them so.
    Logger(spdlog::sink_ptr sink, LogLevel level);

    /// The same log, each line marked with `scope` instead of this one's, e.g. "session 3f2a91c0".
    [[nodiscard]] Logger scoped(std::string scope) const;

    /// Whether a line of `level` would be written: for arguments that cost something.
    [[nodiscard]] bool enabled(LogLevel level) const;

    template <class... Args>
    void trace(fmt::format_string<Args...> format, Args&&... args) const {
        log(LogLevel::Trace, format, std::forward<Args>(args)...);
    }

    template <class... Args>
    void debug(fmt::format_string<Args...> format, Args&&... args) const {
        log(LogLevel::Debug, format, std::forward<Args>(args)...);
    }

    template <class... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) const {
        log(LogLevel::Info, format, std::forward<Args>(args)...);
    }

    template <class... Args>
    void warn(fmt::format_string<Args...> format, Args&&... args) const {
        log(LogLevel::Warning, format, std::forward<Args>(args)...);
    }

    template <class... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        log(LogLevel::Error, format, std::forward<Args>(args)...);
    }

    template <class... Args>
    void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
        if (enabled(level)) {
            write(level, fmt::format(format, std::forward<Args>(args)...));
        }
    }

  private:
    explicit Logger(std::shared_ptr<spdlog::logger> to) : to_(std::move(to)) {}

    void write(LogLevel level, std::string_view message) const;

    std::shared_ptr<spdlog::logger> to_;  // never null
};

struct LogOptions {
    LogFormat format = LogFormat::Text;
    LogLevel level = LogLevel::Info;
    int descriptor = 2;  ///< Duplicated at once, so closing it later does not matter.
};

/// A log on a descriptor of this process, stderr by default. Never fails and never waits long: when
/// the descriptor is closed the lines are discarded; when its reader stops, one line waits up to
/// 100 ms, then lines are dropped until there is room again, and the next one is preceded by a line
/// that counts those lost. Needs SIGPIPE ignored (base/process.hpp).
[[nodiscard]] Logger open_log(const LogOptions& options);

}  // namespace diglett
