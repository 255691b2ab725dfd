#pragma once

namespace diglett::app {

/// The command by which a twin's token is made beforehand.
inline constexpr const char* kGridTokenCommand = "grid-token";

/// `diglett grid-token`: prints a token, alone on stdout.
/// @param argv the command's name first. @return the exit code.
[[nodiscard]] int run_grid_token(int argc, const char* const* argv);

}  // namespace diglett::app
