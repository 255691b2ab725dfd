#include "base/secret.hpp"

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include <gtest/gtest.h>

namespace diglett {
namespace {

// One short text, which lives inside the object, and one long, which does not.
class SecretOf : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Lengths, SecretOf, testing::Values("short", std::string(100, 'x')),
                         [](const auto& info) { return info.index == 0 ? "Short" : "Long"; });

TEST_P(SecretOf, CopiesAndKeepsTheOriginal) {
    const Secret original(GetParam());
    Secret copy;
    copy = original;
    EXPECT_EQ(copy.expose_secret(), GetParam());
    EXPECT_EQ(original.expose_secret(), GetParam());
}

TEST_P(SecretOf, MovesAndLeavesNothingBehind) {
    Secret original(GetParam());
    Secret moved(std::move(original));
    EXPECT_EQ(moved.expose_secret(), GetParam());
    EXPECT_TRUE(original.empty());  // NOLINT(bugprone-use-after-move): this is the claim
    Secret assigned(std::string("older and longer than the one that is moved in"));
    assigned = std::move(moved);
    EXPECT_EQ(assigned.expose_secret(), GetParam());
    EXPECT_TRUE(moved.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, AssignsToItself) {
    Secret secret(std::string("value"));
    const Secret& same = secret;
    secret = same;
    EXPECT_EQ(secret.expose_secret(), "value");
}

TEST(Secret, WipesAShortTextWhenItGoes) {
    // In memory of ours, so that it may be read after the secret has gone.
    alignas(Secret) std::array<unsigned char, sizeof(Secret)> place{};
    auto* secret = new (place.data()) Secret(std::string("canary!"));
    const std::string_view before(reinterpret_cast<const char*>(place.data()), place.size());
    ASSERT_NE(before.find("canary!"), std::string_view::npos);
    std::destroy_at(secret);
    const std::string_view after(reinterpret_cast<const char*>(place.data()), place.size());
    EXPECT_EQ(after.find("canary"), std::string_view::npos);
    EXPECT_EQ(after.find("anary!"), std::string_view::npos);
}

TEST(Secret, MasksInFullWhateverItsLength) {
    EXPECT_EQ(Secret::mask(), "********");
}

}  // namespace
}  // namespace diglett
