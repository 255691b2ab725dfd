#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "auth/grid/decide.hpp"
#include "auth/grid/token.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace diglett::auth::grid {

/// The table [grid] of the gateway's configuration, but for what concerns the chain's nodes
/// (ChainOptions).
struct GridOptions {
    TokenRules token;  ///< `audience`, `max-lifetime`.
    Rules rules;       ///< `strict`, `unknown-version`.
    Duration recheck =
        std::chrono::minutes(10);  ///< At most this between two looks at a live name.
    bool allow_v1 = false;         ///< Accept tokens over protocol 1, too.

    /// @return InvalidConfig: names the key and what is wrong with it.
    [[nodiscard]] Status validate() const;
};

}  // namespace diglett::auth::grid
