#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace diglett::registrar::traefik {

/// The error of a system call on the directory or in it. @param error errno. @return DiskFull where
/// there is no room or no right to write at all (read-only file system), else UnreadableFile.
[[nodiscard]] std::unexpected<Error> fail_at(std::string_view verb,
                                             const std::filesystem::path& path, int error);

/// `call` again while a signal interrupts it. @return its result; errno as it left it.
template <class Call>
auto retried(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

/// The directory that Traefik watches, held open, with a staging directory on the same file system:
/// beside it (`DIR.staging`, of the directory itself where `DIR` is a symbolic link), and where
/// that cannot be, within it (`DIR/.diglett-staging`). Everything in them is reached from their
/// descriptors, by names without a slash.
///
/// `DIR/.diglett-staging` is there in any case, and a file in it is locked against other gateways,
/// whatever users and mounts they come by; nobody else may read that file, since whoever may read
/// it may lock it. Nobody else may write into the staging directories. The inner one can be read by
/// all: Traefik, perhaps another user, looks into it for files like `*.yml`.
///
/// Files become ready in the staging directory because Traefik notices any file in the watched one:
/// its 2 s of patience would begin with the unfinished file and not with the route.
class HeldDirectory {
  public:
    enum class Staging : std::uint8_t { BesideIfPossible, Within };

    /// Opens both and removes unfinished files that a crash left.
    /// @return StateDirLocked when another gateway has it; WeakFileMode for a staging directory of
    ///         somebody else's, or one in which others may write; UnreadableFile or DiskFull,
    ///         naming path and reason.
    [[nodiscard]] static Result<HeldDirectory> open(const std::filesystem::path& path,
                                                    Staging staging = Staging::BesideIfPossible);

    /// Whether open() would find a directory that it may write in, and no staging directory that it
    /// refuses; neither locks nor makes anything.
    [[nodiscard]] static Status check(const std::filesystem::path& path);

    [[nodiscard]] int watched() const { return watched_.get(); }

    [[nodiscard]] int staging() const { return beside_ ? beside_.get() : inner_.get(); }

    /// Whether `facts` are those of the watched directory.
    [[nodiscard]] bool is(const struct stat& facts) const {
        return facts.st_dev == device_ && facts.st_ino == inode_;
    }

  private:
    HeldDirectory(UniqueFd watched, UniqueFd inner, UniqueFd lock, UniqueFd beside,
                  const struct stat& facts);

    UniqueFd watched_;
    UniqueFd inner_;
    UniqueFd lock_;
    UniqueFd beside_;  ///< None where it cannot be.
    dev_t device_;
    ino_t inode_;
};

}  // namespace diglett::registrar::traefik
