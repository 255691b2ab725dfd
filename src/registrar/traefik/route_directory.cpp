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
#include "registrar/traefik/limits.hpp"
#include "registrar/traefik/own_file.hpp"

namespace diglett::registrar::traefik {

namespace {

constexpr mode_t kFileMode = 0644;  // Traefik may run as somebody else

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

enum class Found : std::uint8_t { Nothing, Ours, Others, Error };

struct Look {
    Found found = Found::Nothing;
    int error = 0;          ///< errno of Found::Error
    std::string content{};  ///< of Found::Ours
    mode_t mode = 0;
};

Look failed_look(int error) {
    switch (error) {
        case ENOENT:
            return {};
        case EACCES:  // ours can be read by anybody
        case EPERM:
        case ELOOP:
        case ENXIO:
            return {.found = Found::Others};
        default:
            return {.found = Found::Error, .error = error};
    }
}

/// Reads `size` bytes, or as many as there are. @return 0 or errno.
int read_all(int fd, std::string& content, std::size_t size) {
    content.resize(size);
    std::size_t have = 0;
    while (have < size) {
        const ssize_t got = retried([&] { return ::read(fd, content.data() + have, size - have); });
        if (got < 0) {
            return errno;
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    content.resize(have);
    return 0;
}

/// What is called like the file of `name`. Ours are regular files of at most kMaxFileBytes.
Look look_at(int at, std::string_view name) {
    const auto file = own_file_name(name);
    struct stat facts{};
    const auto is_candidate = [&facts] {
        return S_ISREG(facts.st_mode) && facts.st_size <= static_cast<off_t>(kMaxFileBytes);
    };
    if (::fstatat(at, file.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        return failed_look(errno);
    }
    if (!is_candidate()) {
        return {.found = Found::Others};
    }
    // O_NONBLOCK: a FIFO that comes between must not stop us.
    const UniqueFd fd(retried([&] {
        return ::openat(at, file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }));
    if (!fd || ::fstat(fd.get(), &facts) != 0) {
        return failed_look(errno);
    }
    Look look{.found = Found::Others, .mode = facts.st_mode & 07777U};
    if (!is_candidate()) {
        return look;
    }
    const int error = read_all(fd.get(), look.content, static_cast<std::size_t>(facts.st_size));
    if (error != 0) {
        return {.found = Found::Error, .error = error};
    }
    look.found = is_own_route(name, look.content) ? Found::Ours : Found::Others;
    return look;
}

/// The names for which a file in the directory `at` is called like ours.
Result<std::vector<std::string>> list_names(int at, const std::filesystem::path& path) {
    const int copy = ::openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy),
                                                      &::closedir);
    std::vector<std::string> names;
    while (entries != nullptr) {
        errno = 0;
        const auto* entry = ::readdir(entries.get());
        if (entry == nullptr && errno == 0) {
            return names;
        }
        if (entry == nullptr) {
            break;
        }
        if (const auto name = name_of_own_file(entry->d_name)) {
            names.emplace_back(*name);
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
    DIGLETT_ASSERT(is_own_route(name, content));
    if (!held_) {
        return fail_at("write in", path_, ENOENT);
    }
    const auto there = look_at(held_->watched(), name);
    if (there.found == Found::Error) {
        return fail_at("look at", path_ / file, there.error);
    }
    if (there.found == Found::Others) {
        return fail(Errc::UnreadableFile,
                    fmt::format("the file '{}' is in the way, which is none of this gateway's: "
                                "call it otherwise",
                                escape((path_ / file).native())));
    }
    if (there.found == Found::Ours && there.content == content && there.mode == kFileMode) {
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
    // Asked first, because a read-only file system refuses also to remove what is not there.
    const auto there = look_at(held_->watched(), name);
    if (there.found == Found::Error) {
        return fail_at("look at", path_ / file, there.error);
    }
    if (there.found != Found::Ours) {
        return {};
    }
    if (::unlinkat(held_->watched(), file.c_str(), 0) != 0 && errno != ENOENT) {
        return fail_at("remove", path_ / file, errno);
    }
    unsynced_ = true;
    return {};
}

Result<Swept> RouteDirectory::remove_leftovers(const std::function<bool(std::string_view)>& keep) {
    if (!held_) {
        return fail_at("list", path_, ENOENT);
    }
    const auto names = list_names(held_->watched(), path_);
    if (!names) {
        return forward_error(names);
    }
    Swept swept;
    for (const auto& name : *names) {
        if (keep(name)) {
            continue;
        }
        const auto there = look_at(held_->watched(), name);
        if (there.found == Found::Error) {
            return fail_at("look at", path_ / own_file_name(name), there.error);
        }
        if (there.found == Found::Others) {
            swept.foreign.push_back(own_file_name(name));
        }
        if (there.found != Found::Ours) {
            continue;
        }
        swept.removed.push_back({name, routed_port(there.content)});
        if (const auto gone = remove(name); !gone) {
            return forward_error(gone);
        }
    }
    if (const auto lasting = sync(); !lasting) {
        return forward_error(lasting);
    }
    return swept;
}

}  // namespace diglett::registrar::traefik
