#include "registrar/traefik/route_keeper.hpp"

#include <filesystem>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::registrar::traefik {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::string_view kTail = R"("}}}})";

class RouteKeeperTest : public testing::Test {
  protected:
    RouteKeeperTest() {
        fs::create_directory(path_);
        keeper_.emplace(RouteDirectory::open(path_).value(), log_.logger(LogLevel::Info));
    }

    static std::string head(const std::string& name) {
        return R"({"http":{"routers":{"diglett-)" + name + R"(":{"rule":")";
    }

    /// @param mark stands in the content; route() finds it there.
    Status begin(const std::string& name, std::uint64_t generation, const std::string& mark,
                 std::shared_ptr<void> hold = nullptr) {
        return keeper_->begin(
            {name, {generation}, head(name) + mark + std::string(kTail), std::move(hold)});
    }

    void end(const std::string& name, std::uint64_t generation) {
        keeper_->end(name, {generation});
    }

    /// The mark that the directory has for `name`; "" if there is no file.
    std::string route(const std::string& name) {
        const auto text = read_file(path_ / ("diglett-" + name + ".yml"), 1 << 16).value_or("");
        const auto around = head(name).size() + kTail.size();
        return text.size() < around ? text : text.substr(head(name).size(), text.size() - around);
    }

    /// Makes every write of `name` fail until unblock().
    void block(const std::string& name) {
        fs::create_directory(path_ / ("diglett-" + name + ".yml"));
    }

    void unblock(const std::string& name) { fs::remove(path_ / ("diglett-" + name + ".yml")); }

    test::TemporaryDirectory around_;
    fs::path path_ = around_.file("dynamic");
    test::LogCapture log_;
    std::optional<RouteKeeper> keeper_;
};

TEST_F(RouteKeeperTest, KeepsWhatLives) {
    EXPECT_TRUE(begin("a", 1, "one"));
    EXPECT_TRUE(begin("b", 2, "two"));
    EXPECT_EQ(route("a"), "one");
    end("a", 1);
    EXPECT_EQ(route("a"), "");
    EXPECT_EQ(route("b"), "two");
    EXPECT_EQ(keeper_->size(), 1);
}

TEST_F(RouteKeeperTest, AnOlderRegistrationRemovesNothing) {
    EXPECT_TRUE(begin("a", 1, "one"));
    EXPECT_TRUE(begin("a", 2, "two"));
    end("a", 1);
    EXPECT_EQ(route("a"), "two");
    end("a", 1);
    EXPECT_EQ(route("a"), "two");
    end("a", 2);
    EXPECT_EQ(route("a"), "");
    EXPECT_EQ(keeper_->size(), 0);
}

TEST_F(RouteKeeperTest, AnOlderOneCannotReplaceANewer) {
    EXPECT_TRUE(begin("a", 2, "two"));
    for (const std::uint64_t generation : {1U, 2U}) {
        const auto late = begin("a", generation, "late");
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error().code, Errc::NameReplaced);
    }
    EXPECT_EQ(route("a"), "two");
}

/// When several registrars publish a name and another one fails, the newcomer is undone.
TEST_F(RouteKeeperTest, UndoingANewerBringsTheOlderBack) {
    EXPECT_TRUE(begin("a", 1, "one"));
    EXPECT_TRUE(begin("a", 2, "two"));
    end("a", 2);
    EXPECT_EQ(route("a"), "one");
    end("a", 1);
    EXPECT_EQ(route("a"), "");
}

TEST_F(RouteKeeperTest, AFailedClaimLeavesNothing) {
    block("a");
    const auto hold = std::make_shared<int>();
    EXPECT_FALSE(begin("a", 1, "one", hold));
    EXPECT_EQ(hold.use_count(), 1);
    EXPECT_EQ(keeper_->size(), 0);
    unblock("a");
    EXPECT_TRUE(begin("a", 2, "two"));
    EXPECT_EQ(route("a"), "two");
}

TEST_F(RouteKeeperTest, LetsAPortGoWhenItsRouteIsGone) {
    const auto first = std::make_shared<int>();
    const auto second = std::make_shared<int>();
    EXPECT_TRUE(begin("a", 1, "one", first));
    EXPECT_TRUE(begin("a", 2, "two", second));
    EXPECT_EQ(first.use_count(), 2) << "that registration lives";
    end("a", 1);
    EXPECT_EQ(first.use_count(), 1) << "nothing leads there any more";
    EXPECT_EQ(second.use_count(), 2);
    end("a", 2);
    EXPECT_EQ(second.use_count(), 1);
}

TEST_F(RouteKeeperTest, HoldsAPortUntilTheRemovalHasWorked) {
    const auto hold = std::make_shared<int>();
    ASSERT_TRUE(begin("a", 1, "one", hold));
    const auto aside = around_.file("aside");
    fs::rename(path_, aside);
    end("a", 1);
    keeper_->tick();
    EXPECT_EQ(hold.use_count(), 2) << "Traefik goes on with what it has read";
    EXPECT_EQ(keeper_->size(), 1);
    fs::rename(aside, path_);
    keeper_->tick();
    EXPECT_EQ(hold.use_count(), 1);
    EXPECT_EQ(route("a"), "");
    EXPECT_EQ(keeper_->size(), 0);
    EXPECT_EQ(log_.count("the route of 'a' is as it should be again"), 1);
}

TEST_F(RouteKeeperTest, SaysOnceWhatTheDiskRefuses) {
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(begin("a" + std::to_string(i), 1, "one"));
    }
    fs::remove_all(path_);
    for (int i = 0; i < 20; ++i) {
        end("a" + std::to_string(i), 1);
        keeper_->tick();
    }
    EXPECT_EQ(log_.lines().size(), 1);
    EXPECT_EQ(keeper_->size(), 20);
}

TEST_F(RouteKeeperTest, WritesAllAgainIntoADirectoryMadeAnew) {
    ASSERT_TRUE(begin("a", 1, "one"));
    ASSERT_TRUE(begin("b", 1, "gone soon"));
    fs::remove_all(path_);
    const auto refused = begin("c", 1, "three");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("make it again, then restart Traefik"));
    end("b", 1);
    fs::create_directory(path_);
    std::ofstream(path_ / "diglett-stale.yml") << head("stale") << kTail;
    std::ofstream(path_ / "diglett-auth.yml") << "http: {}";
    std::ofstream(path_ / "other.yml") << "{}";
    keeper_->tick();
    EXPECT_EQ(route("a"), "one");
    EXPECT_EQ(route("b"), "");
    EXPECT_EQ(route("stale"), "") << "it may lead to anybody's port";
    EXPECT_TRUE(fs::exists(path_ / "other.yml"));
    EXPECT_TRUE(fs::exists(path_ / "diglett-auth.yml"));
    EXPECT_EQ(log_.count("diglett-auth.yml' is called like a file of this gateway's"), 1);
    const auto told = begin("c", 2, "three");
    ASSERT_FALSE(told) << "Traefik may not have been restarted; said once";
    EXPECT_THAT(told.error().text, HasSubstr("restart Traefik"));
    EXPECT_TRUE(begin("c", 3, "three"));
    EXPECT_EQ(route("c"), "three");
}

TEST_F(RouteKeeperTest, EndsAllAtTheEnd) {
    ASSERT_TRUE(begin("a", 1, "one"));
    ASSERT_TRUE(begin("b", 1, "two"));
    ASSERT_TRUE(begin("b", 2, "three"));
    keeper_->end_all();
    EXPECT_EQ(keeper_->size(), 0);
    EXPECT_EQ(route("a"), "");
    EXPECT_EQ(route("b"), "");
}

/// Random begins and ends against the rule: the newest that lives decides.
TEST_F(RouteKeeperTest, TheNewestThatLivesDecides) {
    std::mt19937 random(7);
    std::map<std::string, std::map<std::uint64_t, std::string>> living;
    for (std::uint64_t generation = 1; generation <= 300; ++generation) {
        const std::string name(1, static_cast<char>('a' + random() % 5));
        auto& of_name = living[name];
        if (random() % 2 == 0) {
            const auto content = std::to_string(generation % 7);
            ASSERT_TRUE(begin(name, generation, content));
            of_name[generation] = content;
        } else if (!of_name.empty()) {
            const auto ended =
                std::next(of_name.begin(), static_cast<std::ptrdiff_t>(random() % of_name.size()));
            end(name, ended->first);
            of_name.erase(ended);
        }
        ASSERT_EQ(route(name), of_name.empty() ? "" : of_name.rbegin()->second);
    }
}

}  // namespace
}  // namespace diglett::registrar::traefik
