#include "auth/grid/chain/twin_cache.hpp"

#include <gtest/gtest.h>

namespace diglett::auth::grid {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};
constexpr Account kAccount{std::byte{1}};

TEST(TwinCache, BelievesAnAccountForAMinute) {
    TwinCache cache;
    EXPECT_FALSE(cache.find(1, kStart));
    cache.put(1, kAccount, kStart);
    EXPECT_EQ(cache.find(1, kStart + 60s - 1ns), TwinCache::Known(kAccount));
    EXPECT_FALSE(cache.find(1, kStart + 60s));
    EXPECT_FALSE(cache.find(2, kStart));
}

TEST(TwinCache, BelievesForSecondsThatThereIsNone) {
    TwinCache cache;
    cache.put(1, std::unexpected(Reason::NoSuchTwin), kStart);
    EXPECT_EQ(cache.find(1, kStart + 5s - 1ns),
              TwinCache::Known(std::unexpected(Reason::NoSuchTwin)));
    EXPECT_FALSE(cache.find(1, kStart + 5s));
}

TEST(TwinCache, GrantsOneFreshLookASecond) {
    TwinCache cache;
    using Look = TwinCache::Look;
    EXPECT_EQ(cache.look_again(1, kStart), Look::Take);
    cache.put(1, kAccount, kStart);
    EXPECT_EQ(cache.look_again(1, kStart + 999ms), Look::Believe);
    EXPECT_EQ(cache.look_again(1, kStart + 1s), Look::Take);
    EXPECT_EQ(cache.look_again(1, kStart + 1999ms), Look::Wait);
    EXPECT_EQ(cache.look_again(1, kStart + 2s), Look::Take);
    cache.put(1, kAccount, kStart + 2500ms);
    EXPECT_EQ(cache.look_again(1, kStart + 3s), Look::Believe);
}

TEST(TwinCache, ForgetsWhatGoesFirst) {
    TwinCache cache(2);
    cache.put(1, kAccount, kStart);
    cache.put(2, kAccount, kStart + 1s);
    cache.put(3, kAccount, kStart + 2s);
    EXPECT_FALSE(cache.find(1, kStart + 2s));
    EXPECT_TRUE(cache.find(2, kStart + 2s));
    cache.put(2, Account{std::byte{2}}, kStart + 3s);
    EXPECT_TRUE(cache.find(3, kStart + 3s));
    cache.put(4, kAccount, kStart + 70s);
    EXPECT_FALSE(cache.find(2, kStart + 70s));
    EXPECT_TRUE(cache.find(4, kStart + 70s));
}

}  // namespace
}  // namespace diglett::auth::grid
