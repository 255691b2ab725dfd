#pragma once

namespace diglett {

/// Prints `condition` with its place on stderr and aborts. Called by DIGLETT_ASSERT only.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace diglett

/// Our own bug ends the process, in every build: an invariant that the code itself must keep. Never
/// on anything that a peer, a file or the system decides; those are errors (base/result.hpp).
#define DIGLETT_ASSERT(condition)                        \
    (static_cast<bool>(condition) ? static_cast<void>(0) \
                                  : ::diglett::assertion_failed(#condition, __FILE__, __LINE__))
