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

/// In the watched directory, whichever way leads there: what is locked, and the staging directory
/// where none can be beside.
constexpr const char* kInnerStaging = ".diglett-staging";

bool is_full(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG || error == EROFS;
}

/// Takes the kernel's lock on a directory. File systems that know no locks (some network ones) are
/// taken as they are.
Status lock(const UniqueFd& directory, const std::filesystem::path& path) {
    if (retried([&] { return ::flock(directory.get(), LOCK_EX | LOCK_NB); }) != 0 &&
        errno == EWOULDBLOCK) {
        return fail(Errc::StateDirLocked,
                    fmt::format("'{}' is in use by another gateway; each needs a directory of its "
                                "own, and Traefik can watch several",
                                escape(path.native(), kMaxShownPathBytes)));
    }
    return {};
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

/// As vet(); then nobody else can read it either, and so lock it.
Status make_private(const UniqueFd& staging, const std::filesystem::path& path) {
    auto own = vet(staging, path);
    if (!own) {
        return own;
    }
    struct stat facts{};
    if (::fstat(staging.get(), &facts) != 0 ||
        ((facts.st_mode & 077U) != 0 && ::fchmod(staging.get(), 0700) != 0)) {
        return fail_at("make private", path, errno);
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

/// `DIR/.diglett-staging`, private and locked.
Result<UniqueFd> open_locked(const UniqueFd& watched, const std::filesystem::path& path) {
    const auto where = path / kInnerStaging;
    auto inner = open_or_make(watched.get(), kInnerStaging);
    if (!inner && errno == EACCES && ::faccessat(watched.get(), ".", W_OK, AT_EACCESS) == 0) {
        return somebody_elses(where);
    }
    if (!inner) {
        return fail_at("make a staging directory in", path, errno);
    }
    if (const auto own = make_private(inner, where); !own) {
        return forward_error(own);
    }
    if (const auto locked = lock(inner, path); !locked) {
        return forward_error(locked);
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

HeldDirectory::HeldDirectory(UniqueFd watched, UniqueFd inner, UniqueFd beside,
                             const struct stat& facts)
    : watched_(std::move(watched)),
      inner_(std::move(inner)),
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
    auto inner = open_locked(watched, path);
    if (!inner) {
        return forward_error(inner);
    }
    auto outer = place == Staging::Within ? UniqueFd() : open_beside(real, facts.st_dev);
    if (outer) {
        if (const auto own = make_private(outer, beside(real)); !own) {
            return forward_error(own);
        }
    }
    HeldDirectory held(std::move(watched), std::move(*inner), std::move(outer), facts);
    remove_unfinished(held.staging());
    return held;
}

}  // namespace diglett::registrar::traefik
