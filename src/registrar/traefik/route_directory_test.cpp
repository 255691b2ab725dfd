#include "registrar/traefik/route_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "registrar/traefik/own_file.hpp"
#include "test/support/small_file_system.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::registrar::traefik {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string route(const std::string& name, int port = 10'000) {
    return R"({"http":{"routers":{"diglett-)" + name +
           R"(":{}},"services":{"x":{"loadBalancer":{"servers":[{"url":"http://127.0.0.1:)" +
           std::to_string(port) + R"("}]}}}}})";
}

bool keep_nothing(std::string_view) {
    return false;
}

std::string content_of(const fs::path& path) {
    return read_file(path, 1 << 20).value_or("unreadable");
}

void write(const fs::path& path, std::string_view text) {
    std::ofstream(path) << text;
}

/// What is in a directory but the one that is locked, which is there always.
std::vector<std::string> names_in(const fs::path& path) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) {
        if (entry.path().filename() != ".diglett-staging") {
            names.push_back(entry.path().filename());
        }
    }
    return names;
}

class RouteDirectoryTest : public testing::Test {
  protected:
    RouteDirectoryTest() { fs::create_directory(path_); }

    RouteDirectory opened() {
        auto directory = RouteDirectory::open(path_);
        EXPECT_TRUE(directory) << directory.error().text;
        return std::move(*directory);
    }

    test::TemporaryDirectory around_;
    fs::path path_ = around_.file("dynamic");
    fs::path staging_ = around_.file("dynamic.staging");
};

TEST_F(RouteDirectoryTest, PutsAndReplacesAndRemoves) {
    auto directory = opened();
    EXPECT_TRUE(directory.put("a", route("a", 1)));
    EXPECT_EQ(content_of(path_ / "diglett-a.yml"), route("a", 1));
    EXPECT_TRUE(directory.put("a", route("a", 2)));
    EXPECT_EQ(content_of(path_ / "diglett-a.yml"), route("a", 2));
    EXPECT_TRUE(directory.put("b", route("b", 3)));
    EXPECT_TRUE(directory.remove("a"));
    EXPECT_THAT(names_in(path_), ElementsAre("diglett-b.yml"));
    EXPECT_TRUE(directory.remove("a")) << "nothing there is as good";
    EXPECT_THAT(names_in(staging_), IsEmpty());
}

TEST_F(RouteDirectoryTest, FilesCanBeReadByAnybodyWhateverTheUmask) {
    auto directory = opened();
    const mode_t before = ::umask(077);
    EXPECT_TRUE(directory.put("a", route("a")));
    ::umask(before);
    struct stat facts{};
    ASSERT_EQ(::stat((path_ / "diglett-a.yml").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0644U);
    ASSERT_EQ(::stat(staging_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0700U);
    ASSERT_EQ(::stat((path_ / ".diglett-staging").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0755U) << "Traefik reads nothing at all when it cannot";
}

/// Traefik reads everything again for any event in the directory.
TEST_F(RouteDirectoryTest, LeavesAFileAloneThatIsRight) {
    auto directory = opened();
    ASSERT_TRUE(directory.put("a", route("a")));
    struct stat before{};
    ASSERT_EQ(::stat((path_ / "diglett-a.yml").c_str(), &before), 0);
    EXPECT_TRUE(directory.put("a", route("a")));
    struct stat after{};
    ASSERT_EQ(::stat((path_ / "diglett-a.yml").c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    ASSERT_EQ(::chmod((path_ / "diglett-a.yml").c_str(), 0600), 0);
    EXPECT_TRUE(directory.put("a", route("a")));
    ASSERT_EQ(::stat((path_ / "diglett-a.yml").c_str(), &after), 0);
    EXPECT_EQ(after.st_mode & 07777U, 0644U) << "Traefik could not have read it";
}

TEST_F(RouteDirectoryTest, IsForOneGateway) {
    auto first = std::make_optional(opened());
    const auto second = RouteDirectory::open(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::StateDirLocked);
    EXPECT_EQ(exit_code(second.error().code), 3);
    EXPECT_THAT(second.error().text, HasSubstr(path_.native()));
    const auto link = around_.file("link");
    fs::create_directory_symlink(path_, link);
    EXPECT_FALSE(RouteDirectory::open(link)) << "the same directory by another path";
    first.reset();
    EXPECT_TRUE(RouteDirectory::open(path_));
}

/// Whoever may read the watched directory may lock it, and must not keep a gateway from it by that.
TEST_F(RouteDirectoryTest, IsNotLockedOutByAReader) {
    const UniqueFd reader(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(reader.get(), LOCK_EX | LOCK_NB), 0);
    auto directory = RouteDirectory::open(path_);
    ASSERT_TRUE(directory) << directory.error().text;
    EXPECT_TRUE(directory->put("a", route("a")));
    fs::remove_all(staging_);
    EXPECT_TRUE(directory->put("b", route("b"))) << "opened anew";
    struct stat facts{};
    ASSERT_EQ(::stat((path_ / ".diglett-staging" / "lock").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U) << "what is locked can be read by nobody else";
}

TEST_F(RouteDirectoryTest, MustExist) {
    const auto missing = RouteDirectory::open(around_.file("missing"));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::UnreadableFile);
    EXPECT_THAT(missing.error().text, HasSubstr("missing"));
    write(around_.file("file"), "");
    EXPECT_FALSE(RouteDirectory::open(around_.file("file")));
}

TEST_F(RouteDirectoryTest, FinalSlashChangesNothing) {
    auto directory = RouteDirectory::open(path_ / "");
    ASSERT_TRUE(directory);
    EXPECT_TRUE(directory->put("a", route("a")));
    EXPECT_THAT(names_in(path_), ElementsAre("diglett-a.yml"));
    EXPECT_TRUE(fs::is_directory(staging_));
}

TEST_F(RouteDirectoryTest, StagesWithinWhereBesideCannotBe) {
    write(staging_, "somebody's file");
    auto directory = opened();
    EXPECT_TRUE(directory.put("a", route("a")));
    EXPECT_THAT(names_in(path_), UnorderedElementsAre("diglett-a.yml"));
    EXPECT_THAT(names_in(path_ / ".diglett-staging"), ElementsAre("lock"));
    EXPECT_EQ(content_of(staging_), "somebody's file");
}

TEST_F(RouteDirectoryTest, DoesNotFollowAStagingLink) {
    const auto elsewhere = around_.file("elsewhere");
    fs::create_directory(elsewhere);
    write(elsewhere / "diglett-a.tmp", "somebody's");
    fs::create_directory_symlink(elsewhere, staging_);
    auto directory = opened();
    EXPECT_TRUE(directory.put("a", route("a")));
    EXPECT_EQ(content_of(elsewhere / "diglett-a.tmp"), "somebody's");
    EXPECT_TRUE(fs::is_directory(path_ / ".diglett-staging"));
}

TEST_F(RouteDirectoryTest, WantsAStagingDirectoryOfItsOwn) {
    for (const auto& staging : {staging_, path_ / ".diglett-staging"}) {
        fs::remove_all(staging_);
        if (staging != staging_) {
            write(staging_, "so that it is the other one");
        }
        for (const mode_t mode : {0720U, 0702U, 0777U}) {
            fs::create_directory(staging);
            ASSERT_EQ(::chmod(staging.c_str(), mode), 0);
            const auto refused = RouteDirectory::open(path_);
            ASSERT_FALSE(refused) << staging << mode;
            EXPECT_EQ(refused.error().code, Errc::WeakFileMode);
            EXPECT_EQ(exit_code(refused.error().code), 3);
            EXPECT_THAT(refused.error().text, HasSubstr("'" + staging.native() + "' must belong"));
            EXPECT_EQ(HeldDirectory::check(path_).error().text, refused.error().text);
        }
        ASSERT_EQ(::chmod(staging.c_str(), 0755), 0);
        EXPECT_TRUE(HeldDirectory::check(path_));
        (void)opened();
        struct stat facts{};
        ASSERT_EQ(::stat(staging.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 07777U, staging == staging_ ? 0700U : 0755U);
        if (::chown(staging.c_str(), 65'534, 65'534) == 0) {
            EXPECT_EQ(RouteDirectory::open(path_).error().code, Errc::WeakFileMode);
            EXPECT_FALSE(HeldDirectory::check(path_));
        }
    }
}

TEST_F(RouteDirectoryTest, RemovesItsLeftoversAndNamesThem) {
    write(path_ / "diglett-a.yml", route("a", 10000));
    write(path_ / "diglett-b.yml", R"({"tcp":{"routers":{"diglett-b":{}}}})");
    write(path_ / "diglett-c.yml", route("c", 10002));
    fs::create_directory(staging_);
    write(staging_ / "diglett-a.tmp", "{half");
    auto directory = opened();
    EXPECT_THAT(names_in(staging_), IsEmpty());
    const auto swept =
        directory.remove_leftovers([](std::string_view name) { return name == "c"; });
    ASSERT_TRUE(swept);
    EXPECT_THAT(swept->removed, UnorderedElementsAre(Leftover{"a", std::uint16_t(10000)},
                                                     Leftover{"b", std::nullopt}));
    EXPECT_THAT(swept->foreign, IsEmpty());
    EXPECT_THAT(names_in(path_), ElementsAre("diglett-c.yml"));
}

TEST_F(RouteDirectoryTest, TouchesNothingOfOthers) {
    const auto outside = around_.file("outside");
    write(outside, "precious");
    const std::map<std::string, std::string> files{
        {"other.yml", "http: {}"},
        {"diglett-a.yaml", "b: 1"},
        {"diglett-A.yml", "c: 1"},
        {"diglett-a_b.yml", "d: 1"},
        {".diglett-a.yml", "e: 1"},
        {"diglett-.yml", "f: 1"},
        {"diglett-broken.txt", "{{x"},
        {"diglett-auth.yml", "http:\n  middlewares:\n    auth: {}\n"},
        {"diglett-half.yml", "{half"},
        {"diglett-empty.yml", ""},
        {"diglett-other.yml", route("another")},
        {"diglett-big.yml", route("big") + std::string(1 << 16, ' ')}};
    for (const auto& [file, text] : files) {
        write(path_ / file, text);
    }
    fs::create_symlink(outside, path_ / "diglett-link.yml");
    fs::create_directory(path_ / "diglett-folder.yml");
    ASSERT_EQ(::mkfifo((path_ / "diglett-fifo.yml").c_str(), 0600), 0);
    const auto before = names_in(path_).size();

    auto directory = opened();
    const auto swept = directory.remove_leftovers(keep_nothing);
    ASSERT_TRUE(swept);
    EXPECT_THAT(swept->removed, IsEmpty());
    EXPECT_THAT(swept->foreign,
                UnorderedElementsAre("diglett-link.yml", "diglett-folder.yml", "diglett-fifo.yml",
                                     "diglett-auth.yml", "diglett-half.yml", "diglett-other.yml",
                                     "diglett-big.yml", "diglett-empty.yml"));
    for (const std::string name : {"link", "folder", "fifo", "auth", "half", "other", "big"}) {
        EXPECT_TRUE(directory.remove(name)) << "there is none of ours";
        const auto put = directory.put(name, route(name));
        ASSERT_FALSE(put) << name;
        EXPECT_EQ(put.error().code, Errc::UnreadableFile);
        EXPECT_THAT(put.error().text, HasSubstr("diglett-" + name + ".yml' is in the way"));
    }
    EXPECT_EQ(names_in(path_).size(), before);
    EXPECT_EQ(content_of(outside), "precious");
    for (const auto& [file, text] : files) {
        EXPECT_EQ(content_of(path_ / file), text) << file;
    }
    EXPECT_THAT(names_in(staging_), IsEmpty());
}

TEST_F(RouteDirectoryTest, SaysThatTheDirectoryIsGoneAndFindsANewOne) {
    auto directory = opened();
    ASSERT_TRUE(directory.put("a", route("a")));
    ASSERT_EQ(directory.refresh(), false);
    fs::remove_all(path_);
    const auto gone = directory.refresh();
    ASSERT_FALSE(gone);
    EXPECT_THAT(gone.error().text, HasSubstr("make it again, then restart Traefik"));
    EXPECT_FALSE(directory.put("a", route("a")));

    fs::create_directory(path_);
    EXPECT_EQ(directory.refresh(), true);
    EXPECT_EQ(directory.refresh(), false);
    EXPECT_TRUE(directory.put("a", route("a")));
    EXPECT_THAT(names_in(path_), ElementsAre("diglett-a.yml"));
}

TEST_F(RouteDirectoryTest, NoticesThatTheDirectoryWasReplaced) {
    auto directory = opened();
    ASSERT_TRUE(directory.put("a", route("a")));
    const auto aside = around_.file("aside");
    fs::rename(path_, aside);
    fs::create_directory(path_);
    EXPECT_EQ(directory.refresh(), true);
    EXPECT_TRUE(directory.put("b", route("b")));
    EXPECT_THAT(names_in(path_), ElementsAre("diglett-b.yml"));
    EXPECT_THAT(names_in(aside), ElementsAre("diglett-a.yml"));
    fs::rename(path_, around_.file("third"));
    fs::rename(around_.file("third"), path_);
    EXPECT_EQ(directory.refresh(), false) << "it is the one that Traefik watches";
}

TEST_F(RouteDirectoryTest, MakesItsStagingDirectoryAgain) {
    auto directory = opened();
    fs::remove_all(staging_);
    EXPECT_TRUE(directory.put("a", route("a")));
    EXPECT_EQ(content_of(path_ / "diglett-a.yml"), route("a"));
    EXPECT_EQ(directory.refresh(), false);
    EXPECT_FALSE(RouteDirectory::open(path_)) << "and locks it again";
}

class MountedTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!disk_.refused().empty()) {
            GTEST_SKIP() << disk_.refused();
        }
    }

    test::TemporaryDirectory around_;
    fs::path path_ = around_.file("dynamic");
    test::SmallFileSystem disk_{path_};
};

TEST_F(MountedTest, StagesWithinAMountOfItsOwn) {
    auto directory = RouteDirectory::open(path_);
    ASSERT_TRUE(directory) << directory.error().text;
    EXPECT_TRUE(directory->put("a", route("a")));
    EXPECT_THAT(names_in(path_), UnorderedElementsAre("diglett-a.yml"));
    EXPECT_THAT(names_in(path_ / ".diglett-staging"), ElementsAre("lock"));
    EXPECT_FALSE(fs::exists(around_.file("dynamic.staging"))) << "of no use on another file system";
}

TEST_F(MountedTest, StagesWithinAPartOfTheSameFileSystemMountedElsewhere) {
    const auto bound = path_ / "bound";
    fs::create_directory(path_ / "real");
    fs::create_directory(bound);
    ASSERT_EQ(::mount((path_ / "real").c_str(), bound.c_str(), nullptr, MS_BIND, nullptr), 0);
    {
        auto directory = RouteDirectory::open(bound);
        ASSERT_TRUE(directory) << directory.error().text;
        EXPECT_TRUE(directory->put("a", route("a")));
        EXPECT_TRUE(directory->put("b", route("b")));
        EXPECT_EQ(directory->refresh(), false);
        const auto second = RouteDirectory::open(path_ / "real");
        ASSERT_FALSE(second) << "it is the same directory, wherever the first one stages";
        EXPECT_EQ(second.error().code, Errc::StateDirLocked);
    }
    EXPECT_THAT(names_in(bound), UnorderedElementsAre("diglett-a.yml", "diglett-b.yml"));
    EXPECT_EQ(::umount2(bound.c_str(), MNT_DETACH), 0);
}

TEST_F(MountedTest, FullDiskLeavesOldRoutesAloneAndHeals) {
    auto directory = RouteDirectory::open(path_);
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->put("old", route("old")));
    disk_.fill();
    for (const auto* name : {"new", "old"}) {
        const auto put = directory->put(name, route(name, 2));
        ASSERT_FALSE(put);
        EXPECT_EQ(put.error().code, Errc::DiskFull);
        EXPECT_THAT(put.error().text, HasSubstr("No space left on device"));
    }
    EXPECT_EQ(content_of(path_ / "diglett-old.yml"), route("old"));
    EXPECT_THAT(names_in(path_), UnorderedElementsAre("diglett-old.yml", "filler"));
    EXPECT_THAT(names_in(path_ / ".diglett-staging"), ElementsAre("lock"));
    EXPECT_TRUE(directory->remove("old")) << "to remove needs no room";
    disk_.free();
    EXPECT_TRUE(directory->put("new", route("new")));
}

TEST_F(MountedTest, WithoutInodesNothingHalfWrittenIsLeft) {
    auto directory = RouteDirectory::open(path_);
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->put("old", route("old")));
    int made = 0;
    while (made < 100 && std::ofstream(path_ / ("x" + std::to_string(made)))) {
        ++made;
    }
    ASSERT_LT(made, 100);
    const auto put = directory->put("new", route("new"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, Errc::DiskFull);
    EXPECT_FALSE(fs::exists(path_ / "diglett-new.yml"));
    fs::remove(path_ / "x0");
    EXPECT_TRUE(directory->put("new", route("new")));
}

TEST_F(MountedTest, ReadOnlyIsSaidAndHeals) {
    auto directory = RouteDirectory::open(path_);
    ASSERT_TRUE(directory);
    ASSERT_TRUE(directory->put("old", route("old")));
    disk_.make_read_only(true);
    const auto put = directory->put("new", route("new"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, Errc::DiskFull);
    EXPECT_THAT(put.error().text, HasSubstr("Read-only file system"));
    EXPECT_FALSE(directory->remove("old"));
    EXPECT_TRUE(directory->remove("never")) << "what is not there need not be removed";
    EXPECT_EQ(directory->refresh(), false);
    disk_.make_read_only(false);
    EXPECT_TRUE(directory->put("new", route("new")));
    EXPECT_TRUE(directory->remove("old"));
    EXPECT_THAT(names_in(path_), UnorderedElementsAre("diglett-new.yml"));
}

}  // namespace
}  // namespace diglett::registrar::traefik
