#pragma once

namespace diglett::app {

/// The program diglett. @return its exit code (docs/operations.md).
[[nodiscard]] int run_agent(int argc, const char* const* argv);

}  // namespace diglett::app
