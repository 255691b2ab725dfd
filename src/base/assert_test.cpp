#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace diglett {
namespace {

TEST(AssertDeathTest, AbortsWithThePlaceAndTheCondition) {
    const int one = 1;
    EXPECT_EXIT(DIGLETT_ASSERT(one == 2), testing::KilledBySignal(SIGABRT),
                "assert_test\\.cpp:[0-9]+: assertion failed: one == 2");
}

TEST(Assert, EvaluatesItsConditionOnce) {
    int evaluated = 0;
    DIGLETT_ASSERT(++evaluated > 0);
    EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace diglett
