#include "registrar/traefik/route_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/escape.hpp"
#include "registrar/traefik/own_file.hpp"

namespace diglett::registrar::traefik {

namespace {

constexpr mode_t kFileMode = 0644;              // Traefik may run as somebody else
constexpr std::size_t kMaxFileBytes = 1 << 16;  // far more than a route with every option has

int write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t put = retried([&] { return ::write(fd, content.data(), content.size()); });
        if (put < 0) {
            return errno;
        }
        content.remove_prefix(static_cast<std::size_t>(put));
    }
    return 0;
}

/// @return 0 or errno.
int write_new_file(int at, const std::string& file, std::string_view content) {
    ::unlinkat(at, file.c_str(), 0);  // left by a failure; if it cannot go, the open says why
    const UniqueFd fd(retried([&] {
        return ::openat(at, file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0600);
    }));
    if (!fd || ::fchmod(fd.get(), kFileMode) != 0) {
        return errno;
    }
    if (const int error = write_all(fd.get(), content); error != 0) {
        return error;
    }
    return ::fsync(fd.get()) == 0 ? 0 : errno;
}

/// Opens a regular file of at most kMaxFileBytes. O_NONBLOCK: a FIFO of somebody's must not stop
/// us.
UniqueFd open_regular(int at, const char* file, struct stat& facts) {
    UniqueFd fd(retried(
        [&] { return ::openat(at, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); }));
    if (fd && (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
               facts.st_size > static_cast<off_t>(kMaxFileBytes))) {
        fd.reset();
    }
    return fd;
}

std::optional<std::string> read_regular(int at, const char* file, struct stat& facts) {
    const auto fd = open_regular(at, file, facts);
    if (!fd) {
        return std::nullopt;
    }
    std::string content(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        const ssize_t got =
            retried([&] { return ::read(fd.get(), content.data() + have, content.size() - have); });
        if (got <= 0) {
            return std::nullopt;
        }
        have += static_cast<std::size_t>(got);
    }
    return content;
}

enum class Found : std::uint8_t { Nothing, Regular, Other, Error };

/// What is called `file`; errno tells of an error.
Found look_at(int at, const char* file) {
    struct stat facts{};
    if (::fstatat(at, file, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Found::Nothing : Found::Error;
    }
    return S_ISREG(facts.st_mode) ? Found::Regular : Found::Other;
}

/// The files of ours in the directory `at`.
Result<std::vector<std::string>> list_own(int at, const std::filesystem::path& path) {
    const int copy = ::openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy),
                                                      &::closedir);
    std::vector<std::string> files;
    while (entries != nullptr) {
        errno = 0;
        const auto* entry = ::readdir(entries.get());
        if (entry == nullptr && errno == 0) {
            return files;
        }
        if (entry == nullptr) {
            break;
        }
        if (!name_of_own_file(entry->d_name)) {
            continue;
        }
        const auto found = look_at(at, entry->d_name);
        if (found == Found::Error) {
            break;
        }
        if (found == Found::Regular) {
            files.emplace_back(entry->d_name);
        }
    }
    return fail_at("list", path, errno);
}

}  // namespace

Result<RouteDirectory> RouteDirectory::open(const std::filesystem::path& path) {
    std::error_code error;
    auto absolute = std::filesystem::absolute(path, error).lexically_normal();
    if (error) {
        return fail_at("find", path, error.value());
    }
    if (!absolute.has_filename()) {
        absolute =
            absolute.parent_path();  // "dir/": its staging directory is beside it all the same
    }
    RouteDirectory directory(std::move(absolute));
    const auto opened = directory.reopen(HeldDirectory::Staging::BesideIfPossible);
    if (!opened) {
        return forward_error(opened);
    }
    directory.replaced_ = false;
    return directory;
}

Status RouteDirectory::reopen(HeldDirectory::Staging staging) {
    const bool untold = std::exchange(replaced_, true);
    auto before = std::exchange(held_, std::nullopt);
    staging_ = staging;
    struct stat facts{};
    const bool same = before && ::stat(path_.c_str(), &facts) == 0 && before->is(facts);
    before.reset();  // its locks would stand in our own way
    auto opened = HeldDirectory::open(path_, staging);
    if (!opened) {
        return forward_error(opened);
    }
    held_.emplace(std::move(*opened));
    replaced_ = untold || !(same && held_->is(facts));
    return {};
}

Result<bool> RouteDirectory::refresh() {
    struct stat facts{};
    if (::stat(path_.c_str(), &facts) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            return fail_at("look at", path_, errno);
        }
        return fail(Errc::UnreadableFile,
                    fmt::format("the directory '{}' is gone: make it again, then restart Traefik, "
                                "which watches only the one that was there when it started",
                                escape(path_.native())));
    }
    if (held_ && held_->is(facts)) {
        return std::exchange(replaced_, false);
    }
    const auto opened = reopen(HeldDirectory::Staging::BesideIfPossible);
    return opened ? Result<bool>(std::exchange(replaced_, false)) : forward_error(opened);
}

bool RouteDirectory::holds(const std::string& file, std::string_view content) const {
    struct stat facts{};
    const auto present = read_regular(held_->watched(), file.c_str(), facts);
    return present == content && (facts.st_mode & 07777U) == kFileMode;
}

/// @return 0 or errno.
int RouteDirectory::move_in(const std::string& file, std::string_view content) const {
    const auto unfinished = std::filesystem::path(file).replace_extension(".tmp").native();
    const int staging = held_->staging();
    int error = write_new_file(staging, unfinished, content);
    if (error == 0 &&
        ::renameat(staging, unfinished.c_str(), held_->watched(), file.c_str()) != 0) {
        error = errno;
    }
    if (error != 0) {
        ::unlinkat(staging, unfinished.c_str(), 0);
    }
    return error;
}

Status RouteDirectory::sync() {
    if (!unsynced_ || !held_) {
        return {};
    }
    if (::fsync(held_->watched()) != 0) {
        return fail_at("make lasting what was changed in", path_, errno);
    }
    unsynced_ = false;
    return {};
}

Status RouteDirectory::put(std::string_view name, std::string_view content) {
    DIGLETT_ASSERT(content.size() <= kMaxFileBytes);
    const auto file = own_file_name(name);
    DIGLETT_ASSERT(name_of_own_file(file) == name);
    if (!held_) {
        return fail_at("write in", path_, ENOENT);
    }
    if (holds(file, content)) {
        return sync();  // it may be this that failed the last time
    }
    int error = move_in(file, content);
    if (error == ENOENT || error == EXDEV) {
        // The staging directory was cleaned away, or another mount lies between the two.
        const auto opened = reopen(error == EXDEV ? HeldDirectory::Staging::Within : staging_);
        if (!opened) {
            return forward_error(opened);
        }
        error = move_in(file, content);
    }
    if (error != 0) {
        return fail_at("write", path_ / file, error);
    }
    unsynced_ = true;
    return sync();
}

Status RouteDirectory::remove(std::string_view name) {
    const auto file = own_file_name(name);
    DIGLETT_ASSERT(name_of_own_file(file) == name);
    if (!held_) {
        return fail_at("remove from", path_, ENOENT);
    }
    // Asked first, because a read-only file system refuses also to remove what is not there. What
    // is no regular file is not ours.
    const auto found = look_at(held_->watched(), file.c_str());
    const bool gone = found != Found::Regular ||
                      ::unlinkat(held_->watched(), file.c_str(), 0) == 0 || errno == ENOENT;
    if (found == Found::Error || !gone) {
        return fail_at("remove", path_ / file, errno);
    }
    unsynced_ = unsynced_ || found == Found::Regular;
    return {};
}

Result<std::vector<Leftover>> RouteDirectory::remove_leftovers(
    const std::function<bool(std::string_view)>& keep) {
    if (!held_) {
        return fail_at("list", path_, ENOENT);
    }
    const auto files = list_own(held_->watched(), path_);
    if (!files) {
        return forward_error(files);
    }
    std::vector<Leftover> removed;
    for (const auto& file : *files) {
        const std::string name(name_of_own_file(file).value());
        if (keep(name)) {
            continue;
        }
        struct stat facts{};
        const auto content = read_regular(held_->watched(), file.c_str(), facts);
        removed.push_back({name, content ? routed_port(*content) : std::nullopt});
        if (const auto gone = remove(name); !gone) {
            return forward_error(gone);
        }
    }
    if (const auto lasting = sync(); !lasting) {
        return forward_error(lasting);
    }
    return removed;
}

}  // namespace diglett::registrar::traefik
