#include "base/memory_limit.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

namespace diglett {
namespace {

TEST(MemoryLimit, IsAtMostTheMachinesMemory) {
    const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    EXPECT_GT(memory_limit_bytes(), 0U);
    EXPECT_LE(memory_limit_bytes(), machine);
}

TEST(DefaultMemoryBudget, IsHalfButNotMoreThanTwoGibibytes) {
    EXPECT_EQ(default_memory_budget(256U << 20U), 128U << 20U);
    EXPECT_EQ(default_memory_budget(std::uint64_t{64} << 30U), std::uint64_t{2} << 30U);
}

}  // namespace
}  // namespace diglett
