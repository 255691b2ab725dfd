#include "auth/grid/chain/clocks.hpp"

#include <cstdint>

#include "crypto/random.hpp"

namespace diglett::auth::grid {

Clocks Clocks::real() {
    return {.wall =
                [] {
                    return std::chrono::floor<std::chrono::milliseconds>(
                        std::chrono::system_clock::now());
                },
            .steady = [] { return Clock::now(); },
            .random =
                [] {
                    const auto bits = load_be<std::uint32_t>(crypto::random_bytes<4>());
                    return static_cast<double>(bits) / 4'294'967'296.0;
                }};
}

}  // namespace diglett::auth::grid
