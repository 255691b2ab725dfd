#include "base/secret.hpp"

#include <array>
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

/// A secret in memory of ours, so that its bytes may be looked at whatever becomes of it.
class Placed {
  public:
    Placed() : secret_(new(bytes_.data()) Secret(std::string("canary!"))) {}

    [[nodiscard]] Secret& secret() { return *secret_; }

    void destroy() { std::destroy_at(secret_); }

    [[nodiscard]] bool holds(std::string_view text) const {
        const std::string_view all(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
        return all.find(text) != std::string_view::npos;
    }

  private:
    alignas(Secret) std::array<unsigned char, sizeof(Secret)> bytes_{};
    Secret* secret_;
};

TEST(Secret, WipesAShortTextWhenItGoes) {
    Placed placed;
    ASSERT_TRUE(placed.holds("canary!"));
    placed.destroy();
    EXPECT_FALSE(placed.holds("anary"));
}

TEST(Secret, WipesAShortTextThatIsMovedAway) {
    Placed constructed_from;
    const Secret first(std::move(constructed_from.secret()));
    EXPECT_FALSE(constructed_from.holds("anary"));
    constructed_from.destroy();
    Placed assigned_from;
    Secret second;
    second = std::move(assigned_from.secret());
    EXPECT_FALSE(assigned_from.holds("anary"));
    assigned_from.destroy();
    EXPECT_EQ(first.expose_secret(), second.expose_secret());
}

TEST(Secret, MasksInFullWhateverItsLength) {
    EXPECT_EQ(Secret::mask(), "********");
}

}  // namespace
}  // namespace diglett
