#include "base/file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temporary_directory.hpp"

namespace diglett {
namespace {

using testing::HasSubstr;

void put(const std::filesystem::path& path, std::string_view content, mode_t mode = 0600) {
    std::ofstream(path, std::ios::binary) << content;
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

mode_t mode_of(const std::filesystem::path& path) {
    struct stat facts{};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return facts.st_mode & 07777U;
}

std::size_t entries_in(const std::filesystem::path& directory) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                  std::filesystem::directory_iterator()));
}

TEST(ReadFile, ReadsUpToItsBound) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("f");
    for (const std::string content : {"", "abc", "abcd"}) {
        put(path, content);
        EXPECT_EQ(read_file(path, 4), content);
    }
    put(path, "abcde");
    const auto refused = read_file(path, 4);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::UnreadableFile);
    EXPECT_THAT(refused.error().text, HasSubstr("more than 4 bytes"));
}

TEST(ReadFile, ReadsWhatHasNoSize) {
    const auto text = read_file("/proc/self/status", 1 << 20);
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, HasSubstr("\nPid:"));
    const auto refused = read_file("/dev/zero", 10'000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::UnreadableFile);
}

TEST(ReadFile, NamesPathAndReason) {
    const test::TemporaryDirectory directory;
    const auto missing = read_file(directory.file("no\nsuch"), 10);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::UnreadableFile);
    EXPECT_THAT(missing.error().text, HasSubstr("no\\x0asuch': No such file or directory"));
    const auto folder = read_file(directory.path(), 10);
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().text, HasSubstr("Is a directory"));
}

TEST(ReadPrivateFile, RefusesWhatOthersMayTouch) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("key");
    put(path, "secret");
    for (const mode_t good : {0600U, 0400U, 0700U}) {
        ASSERT_EQ(::chmod(path.c_str(), good), 0);
        const auto secret = read_private_file(path, 100);
        ASSERT_TRUE(secret) << good;
        EXPECT_EQ(secret->expose_secret(), "secret");
    }
    for (const mode_t bad : {0640U, 0604U, 0620U, 0601U, 0777U}) {
        ASSERT_EQ(::chmod(path.c_str(), bad), 0);
        const auto refused = read_private_file(path, 100);
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(refused.error().code, Errc::WeakFileMode);
    }
    const auto device = read_private_file("/dev/null", 100);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, Errc::WeakFileMode);
}

TEST(MayExist, TellsWhatIsThere) {
    const test::TemporaryDirectory directory;
    put(directory.file("f"), "");
    std::filesystem::create_symlink("nowhere", directory.file("dangling"));
    EXPECT_TRUE(may_exist(directory.file("f")));
    EXPECT_TRUE(may_exist(directory.file("dangling")));
    EXPECT_FALSE(may_exist(directory.file("g")));
    EXPECT_FALSE(may_exist(directory.file("f") / "below"));
}

TEST(WriteFileAtomically, MakesAndReplaces) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("state");
    ASSERT_TRUE(write_file_atomically(path, "one"));
    EXPECT_EQ(read_file(path, 100), "one");
    EXPECT_EQ(mode_of(path), 0600U);
    ASSERT_TRUE(write_file_atomically(path, "two", 0644));
    EXPECT_EQ(read_file(path, 100), "two");
    EXPECT_EQ(mode_of(path), 0644U);
    EXPECT_EQ(entries_in(directory.path()), 1U);
}

TEST(WriteFileAtomically, IgnoresWhatACrashLeft) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("state");
    put(directory.file("victim"), "untouched");
    std::filesystem::create_symlink("victim", directory.file(".state.tmp"));
    ASSERT_TRUE(write_file_atomically(path, "new"));
    EXPECT_EQ(read_file(path, 100), "new");
    EXPECT_EQ(read_file(directory.file("victim"), 100), "untouched");
    EXPECT_EQ(entries_in(directory.path()), 2U);
}

TEST(WriteFileAtomically, SaysWhyItCannot) {
    const test::TemporaryDirectory directory;
    const auto failed = write_file_atomically(directory.file("missing") / "state", "x");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::UnreadableFile);
    EXPECT_THAT(failed.error().text, HasSubstr("missing/state': No such file or directory"));
}

// A limit on the size of files stands for the full disk: EFBIG instead of ENOSPC, at the same call.
TEST(WriteFileAtomically, KeepsTheOldContentWhenThereIsNoRoom) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("state");
    ASSERT_TRUE(write_file_atomically(path, "old"));
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit tight{.rlim_cur = 1000, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    const auto failed = write_file_atomically(path, std::string(5000, 'x'));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::DiskFull);
    EXPECT_EQ(read_file(path, 100), "old");
    EXPECT_EQ(entries_in(directory.path()), 1U);
}

}  // namespace
}  // namespace diglett
