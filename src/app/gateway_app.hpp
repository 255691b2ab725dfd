#pragma once

namespace diglett::app {

/// The program diglett-server. @return its exit code (docs/operations.md).
[[nodiscard]] int run_gateway(int argc, const char* const* argv);

}  // namespace diglett::app
