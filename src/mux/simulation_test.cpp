// Seeded runs of two links over a carrier that is cut again and again. A failure prints its seed;
// DIGLETT_SEED=n repeats that run alone, DIGLETT_SEEDS=n runs that many.
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "test/support/mux_simulation.hpp"

namespace diglett::mux {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::stoull(text);
}

TEST(Simulation, HoldsEveryInvariantWhateverIsCutOrLost) {
    const std::uint64_t only = number_from_environment("DIGLETT_SEED", 0);
    const std::uint64_t seeds = number_from_environment("DIGLETT_SEEDS", 300);
    std::size_t cuts = 0;
    std::size_t streams = 0;
    std::size_t complete = 0;
    std::uint64_t bytes = 0;
    for (std::uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : seeds); ++seed) {
        std::mt19937_64 random(seed);
        test::MuxSimulation simulation(
            [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); });
        for (int step = 0; step < 400 && simulation.step(); ++step) {
        }
        const bool is_sound = simulation.failure.empty() && simulation.finish();
        ASSERT_TRUE(is_sound) << simulation.failure << ", seed " << seed;
        cuts += simulation.cuts;
        streams += simulation.streams;
        complete += simulation.complete;
        bytes += simulation.bytes;
    }
    RecordProperty("cuts", std::to_string(cuts));
    RecordProperty("streams", std::to_string(streams));
    RecordProperty("complete", std::to_string(complete));
    RecordProperty("bytes", std::to_string(bytes));
    // Or the runs prove nothing.
    EXPECT_TRUE(only != 0 || cuts > 10 * seeds);
    EXPECT_TRUE(only != 0 || complete * 4 > streams);
}

}  // namespace
}  // namespace diglett::mux
