#pragma once

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace diglett::test {

/// A file system of 64 KiB and 64 inodes at a path, for who may mount one; gone with this object.
class SmallFileSystem {
  public:
    explicit SmallFileSystem(std::filesystem::path path) : path_(std::move(path)) {
        std::filesystem::create_directory(path_);
        if (::geteuid() != 0) {
            refused_ = "only root may mount";
        } else if (::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k,nr_inodes=64") != 0) {
            refused_ = std::string("no file system of its own here: ") + std::strerror(errno);
        }
    }

    ~SmallFileSystem() {
        if (refused_.empty()) {
            EXPECT_EQ(::umount2(path_.c_str(), MNT_DETACH), 0);
        }
    }

    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;

    /// Why there is none; empty: it is there.
    [[nodiscard]] const std::string& refused() const { return refused_; }

    void make_read_only(bool read_only) const {
        const unsigned long flags = MS_REMOUNT | (read_only ? MS_RDONLY : 0U);
        ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", flags, nullptr), 0)
            << std::strerror(errno);
    }

    /// Leaves no room; free() gives it back.
    void fill() const {
        std::ofstream out(filler());
        const std::string block(4096, 'x');
        for (int i = 0; i < 32; ++i) {
            out << block << std::flush;
        }
        EXPECT_FALSE(out) << "there was no end to it";
    }

    void free() const { std::filesystem::remove(filler()); }

    [[nodiscard]] std::filesystem::path filler() const { return path_ / "filler"; }

  private:
    std::filesystem::path path_;
    std::string refused_;
};

}  // namespace diglett::test
