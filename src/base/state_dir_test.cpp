#include "base/state_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/log_capture.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett {
namespace {

using testing::HasSubstr;

TEST(ResolveStateDir, TakesTheFirstPlaceThatIsSet) {
    StatePlaces places{.flag = "/flag",
                       .state_directory = "/systemd/one:/systemd/two",
                       .xdg_state_home = "/xdg",
                       .home = "/home/u",
                       .is_root = true};
    EXPECT_EQ(resolve_state_dir(places), "/flag");
    places.flag = "";
    EXPECT_EQ(resolve_state_dir(places), "/systemd/one");
    places.state_directory.reset();
    EXPECT_EQ(resolve_state_dir(places), "/var/lib/diglett");
    places.is_root = false;
    EXPECT_EQ(resolve_state_dir(places), "/xdg/diglett");
    places.xdg_state_home = "relative";
    EXPECT_EQ(resolve_state_dir(places), "/home/u/.local/state/diglett");
    places.home = "";
    EXPECT_EQ(resolve_state_dir(places), std::nullopt);
}

mode_t mode_of(const std::filesystem::path& path) {
    struct stat facts{};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return facts.st_mode & 07777U;
}

TEST(StateDir, MakesAPrivateFolderForEachProgram) {
    const test::TemporaryDirectory directory;
    const auto base = directory.path() / "a" / "b";
    const auto opened = StateDir::open(base, "gateway");
    ASSERT_TRUE(opened) << opened.error().text;
    EXPECT_EQ(opened->path(), base / "gateway");
    EXPECT_EQ(opened->file("key"), base / "gateway" / "key");
    EXPECT_EQ(mode_of(base), 0700U);
    EXPECT_EQ(mode_of(base / "gateway"), 0700U);
}

TEST(StateDir, MakesAnOldFolderPrivateAgain) {
    const test::TemporaryDirectory directory;
    std::filesystem::create_directory(directory.file("agent"));
    ASSERT_EQ(::chmod(directory.file("agent").c_str(), 0775), 0);
    ASSERT_TRUE(StateDir::open(directory.path(), "agent"));
    EXPECT_EQ(mode_of(directory.file("agent")), 0700U);
}

TEST(StateDir, RefusesWhatIsNoFolderOfOurs) {
    const test::TemporaryDirectory directory;
    std::ofstream(directory.file("gateway")) << "a file";
    const auto file = StateDir::open(directory.path(), "gateway");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Errc::UnreadableFile);
    EXPECT_THAT(file.error().text, HasSubstr("Not a directory"));
    const auto below_a_file = StateDir::open(directory.file("gateway"), "gateway");
    ASSERT_FALSE(below_a_file);
    std::filesystem::create_directory(directory.file("elsewhere"));
    std::filesystem::create_directory_symlink("elsewhere", directory.file("agent"));
    EXPECT_FALSE(StateDir::open(directory.path(), "agent"));
}

TEST(StateDir, LetsOneHolderLockIt) {
    const test::TemporaryDirectory directory;
    const auto opened = StateDir::open(directory.path(), "gateway");
    ASSERT_TRUE(opened);
    {
        const auto first = opened->lock();
        ASSERT_TRUE(first);
        const auto second = opened->lock();
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, Errc::StateDirLocked);
        EXPECT_THAT(second.error().text, HasSubstr(fmt::format("process {};", ::getpid())));
        // Another program's folder is locked apart.
        EXPECT_TRUE(StateDir::open(directory.path(), "agent")->lock());
    }
    EXPECT_TRUE(opened->lock());
}

TEST(StateDir, WaitsForALockAsLongAsItIsTold) {
    const test::TemporaryDirectory directory;
    const auto opened = StateDir::open(directory.path(), "agent");
    ASSERT_TRUE(opened);
    const auto first = opened->lock();
    const auto second = opened->lock(std::chrono::milliseconds(30));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::StateDirLocked);
}

TEST(OpenStateDir, GoesOnInMemoryWhenNoDefaultPlaceIsUsable) {
    const test::TemporaryDirectory directory;
    std::ofstream(directory.file("file")) << "in the way";
    const test::LogCapture log;
    const auto unusable =
        open_state_dir({.xdg_state_home = directory.file("file").string()}, "agent", log.logger());
    ASSERT_TRUE(unusable);
    EXPECT_FALSE(unusable->has_value());
    EXPECT_EQ(log.count("memory only"), 1U);
    const auto homeless = open_state_dir({}, "agent", log.logger());
    ASSERT_TRUE(homeless);
    EXPECT_FALSE(homeless->has_value());
    EXPECT_EQ(log.count("memory only"), 2U);
}

TEST(OpenStateDir, InsistsOnAPlaceThatWasNamed) {
    const test::TemporaryDirectory directory;
    std::ofstream(directory.file("file")) << "in the way";
    const auto named = directory.file("file").string();
    EXPECT_FALSE(open_state_dir({.flag = named}, "gateway", Logger()));
    EXPECT_FALSE(open_state_dir({.state_directory = named}, "gateway", Logger()));
    const auto good = open_state_dir({.flag = directory.path().string()}, "gateway", Logger());
    ASSERT_TRUE(good);
    ASSERT_TRUE(good->has_value());
    EXPECT_EQ((*good)->path(), directory.file("gateway"));
}

}  // namespace
}  // namespace diglett
