#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"

namespace diglett::app {

/// Says on stderr why the program ends. @return its exit code.
[[nodiscard]] int fail_with(const Error& error, const Logger& logger);

/// Writes to stdout and flushes; a closed stdout is no error.
void print_out(std::string_view text);

}  // namespace diglett::app
