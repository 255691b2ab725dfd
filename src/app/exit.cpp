#include "app/exit.hpp"

#include <cstdio>

#include "base/escape.hpp"

namespace diglett::app {

int fail_with(const Error& error, const Logger& logger) {
    logger.error("{}: {}", dig_code(error.code), error.text);
    return exit_code(error.code);
}

void print_out(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace diglett::app
