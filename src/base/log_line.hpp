#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace diglett {

/// One line of the log as it is written, line end included.
struct LogLine {
    std::chrono::system_clock::time_point time;
    LogLevel level = LogLevel::Info;
    std::string_view scope;  ///< May be empty.
    std::string_view message;
};

/// @return exactly one line of printable ASCII and `\n`, at most kMaxLogLineBytes; with Json one
///         valid object. A message too long is cut and ends in `...`.
[[nodiscard]] std::string format_log_line(LogFormat format, const LogLine& line);

}  // namespace diglett
