#pragma once

#include <chrono>

namespace diglett::registrar {

/// How long the answer to an agent waits for a registrar that is not required.
inline constexpr std::chrono::seconds kOptionalPatience{2};

/// Between two questions to one that is not required and has failed: within the 5 s in which a
/// registrar whose disk was full heals.
inline constexpr std::chrono::seconds kOptionalPause{2};

}  // namespace diglett::registrar
