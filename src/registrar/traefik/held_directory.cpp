#include "registrar/traefik/held_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "base/limits.hpp"

namespace diglett::registrar::traefik {

namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/// In the watched directory, whichever way leads there: the staging directory where none can be
/// beside, and what is locked. Traefik reads the directories within the one it watches, whatever
/// they are called, and applies nothing at all while it cannot: it must be able to read this one.
constexpr const char* kInnerStaging = ".diglett-staging";
constexpr mode_t kInnerMode = 0755;
constexpr mode_t kBesideMode = 0700;

/// In the inner staging directory. Whoever may read a file may lock it, so nobody else may.
constexpr const char* kLockFile = "lock";
constexpr mode_t kLockMode = 0600;

bool is_full(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EROFS;
}

/// Takes the kernel's lock of the watched directory `path`. File systems that know no locks (some
/// network ones) are taken as they are.
Result<UniqueFd> lock(const UniqueFd& inner, const std::filesystem::path& path) {
    UniqueFd file(retried([&] {
        return ::openat(inner.get(), kLockFile, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                        kLockMode);
    }));
    if (!file) {
        return fail_at("make a lock file in", path / kInnerStaging, errno);
    }
    if (retried([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) != 0 &&
        errno == EWOULDBLOCK) {
        return fail(Errc::StateDirLocked,
                    fmt::format("'{}' is in use by another gateway; each needs a directory of its "
                                "own, and Traefik can watch several",
                                escape(path.native(), kMaxShownPathBytes)));
    }
    return file;
}

std::unexpected<Error> somebody_elses(const std::filesystem::path& staging) {
    return fail(Errc::WeakFileMode,
                fmt::format("the staging directory '{}' must belong to the gateway's user, and "
                            "nobody else may write in it: remove it, and the gateway makes its own",
                            escape(staging.native(), kMaxShownPathBytes)));
}

UniqueFd open_staging(int at, const char* path) {
    return UniqueFd(retried([&] { return ::openat(at, path, kDirectoryFlags | O_NOFOLLOW); }));
}

UniqueFd open_or_make(int at, const char* path) {
    if (::mkdirat(at, path, 0700) != 0 && errno != EEXIST) {
        return {};
    }
    return open_staging(at, path);
}

/// Whether what is put into a staging directory comes from this gateway alone.
Status vet(const UniqueFd& staging, const std::filesystem::path& path) {
    struct stat facts{};
    if (::fstat(staging.get(), &facts) != 0) {
        return fail_at("look at", path, errno);
    }
    if (facts.st_uid == ::geteuid() && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0) {
        return {};
    }
    return somebody_elses(path);
}

/// As vet(); then it has `mode`, whatever the umask.
Status make_own(const UniqueFd& staging, const std::filesystem::path& path, mode_t mode) {
    auto own = vet(staging, path);
    if (!own) {
        return own;
    }
    struct stat facts{};
    if (::fstat(staging.get(), &facts) != 0 ||
        ((facts.st_mode & 07777U) != mode && ::fchmod(staging.get(), mode) != 0)) {
        return fail_at("set the mode of", path, errno);
    }
    return own;
}

bool is_on(dev_t device, const UniqueFd& directory) {
    struct stat facts{};
    return directory && ::fstat(directory.get(), &facts) == 0 && facts.st_dev == device;
}

std::filesystem::path beside(const std::filesystem::path& path) {
    return path.native() + ".staging";
}

/// One for all links that lead there.
std::filesystem::path real_path(const std::filesystem::path& path) {
    std::error_code error;
    auto real = std::filesystem::canonical(path, error);
    return error ? path : real;
}

/// `DIR.staging`, if it is on the same file system and can be had.
UniqueFd open_beside(const std::filesystem::path& path, dev_t device) {
    struct stat around{};
    if (::stat(path.parent_path().c_str(), &around) != 0 || around.st_dev != device) {
        return {};
    }
    auto staging = open_or_make(AT_FDCWD, beside(path).c_str());
    return is_on(device, staging) ? std::move(staging) : UniqueFd();
}

/// Unfinished files end in .tmp, which Traefik does not read wherever it is.
void remove_unfinished(int staging) {
    const int copy = ::openat(staging, ".", kDirectoryFlags);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy),
                                                      &::closedir);
    while (const auto* entry = entries == nullptr ? nullptr : ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        if (name.starts_with("diglett-") && name.ends_with(".tmp")) {
            ::unlinkat(staging, entry->d_name, 0);  // if it stays, it is written over
        }
    }
}

/// `DIR/.diglett-staging`, which nobody else may write in.
Result<UniqueFd> open_inner(const UniqueFd& watched, const std::filesystem::path& path) {
    const auto where = path / kInnerStaging;
    auto inner = open_or_make(watched.get(), kInnerStaging);
    if (!inner && errno == EACCES && ::faccessat(watched.get(), ".", W_OK, AT_EACCESS) == 0) {
        return somebody_elses(where);
    }
    if (!inner) {
        return fail_at("make a staging directory in", path, errno);
    }
    if (const auto own = make_own(inner, where, kInnerMode); !own) {
        return forward_error(own);
    }
    return inner;
}

}  // namespace

std::unexpected<Error> fail_at(std::string_view verb, const std::filesystem::path& path,
                               int error) {
    return fail(is_full(error) ? Errc::DiskFull : Errc::UnreadableFile,
                fmt::format("cannot {} '{}': {}", verb, escape(path.native(), kMaxShownPathBytes),
                            std::generic_category().message(error)));
}

HeldDirectory::HeldDirectory(UniqueFd watched, UniqueFd inner, UniqueFd lock, UniqueFd beside,
                             const struct stat& facts)
    : watched_(std::move(watched)),
      inner_(std::move(inner)),
      lock_(std::move(lock)),
      beside_(std::move(beside)),
      device_(facts.st_dev),
      inode_(facts.st_ino) {}

Status HeldDirectory::check(const std::filesystem::path& path) {
    const UniqueFd watched(retried([&] { return ::open(path.c_str(), kDirectoryFlags); }));
    struct stat facts{};
    if (!watched || ::fstat(watched.get(), &facts) != 0) {
        return fail_at("open the directory of Traefik", path, errno);
    }
    if (::faccessat(watched.get(), ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0) {
        return fail_at("write in", path, errno);
    }
    const auto outer = beside(real_path(path));
    if (const auto staging = open_staging(AT_FDCWD, outer.c_str()); is_on(facts.st_dev, staging)) {
        if (const auto own = vet(staging, outer); !own) {
            return own;
        }
    }
    const auto inner = open_staging(watched.get(), kInnerStaging);
    if (!inner) {
        return errno == ENOENT ? Status{} : somebody_elses(path / kInnerStaging);
    }
    return vet(inner, path / kInnerStaging);
}

Result<HeldDirectory> HeldDirectory::open(const std::filesystem::path& path, Staging place) {
    UniqueFd watched(retried([&] { return ::open(path.c_str(), kDirectoryFlags); }));
    struct stat facts{};
    if (!watched || ::fstat(watched.get(), &facts) != 0) {
        return fail_at("open the directory of Traefik", path, errno);
    }
    const auto real = real_path(path);
    auto inner = open_inner(watched, path);
    if (!inner) {
        return forward_error(inner);
    }
    auto locked = lock(*inner, path);
    if (!locked) {
        return forward_error(locked);
    }
    auto outer = place == Staging::Within ? UniqueFd() : open_beside(real, facts.st_dev);
    if (outer) {
        if (const auto own = make_own(outer, beside(real), kBesideMode); !own) {
            return forward_error(own);
        }
    }
    HeldDirectory held(std::move(watched), std::move(*inner), std::move(*locked), std::move(outer),
                       facts);
    remove_unfinished(held.staging());
    return held;
}

}  // namespace diglett::registrar::traefik
