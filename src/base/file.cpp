#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "base/limits.hpp"
#include "base/unique_fd.hpp"

namespace diglett {
namespace {

Errc code_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EROFS:
            return Errc::DiskFull;
        default:
            return Errc::UnreadableFile;
    }
}

std::unexpected<Error> fail_at(std::string_view verb, const std::filesystem::path& path,
                               int error) {
    return fail(code_of(error),
                fmt::format("cannot {} '{}': {}", verb, escape(path.native(), kMaxShownPathBytes),
                            std::generic_category().message(error)));
}

template <class Call>
auto retried(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

Result<UniqueFd> open_for_reading(const std::filesystem::path& path) {
    UniqueFd fd(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!fd) {
        return fail_at("open", path, errno);
    }
    return fd;
}

/// Room for the whole file and one byte more, at once for a regular file, so that reading a secret
/// leaves no copy in memory given back.
std::size_t first_room(const UniqueFd& fd, std::size_t max_bytes) {
    struct stat facts{};
    const bool known = ::fstat(fd.get(), &facts) == 0 && facts.st_size > 0;
    return std::min(known ? static_cast<std::size_t>(facts.st_size) : kPipeRoom, max_bytes) + 1;
}

Result<std::string> read_all(const UniqueFd& fd, const std::filesystem::path& path,
                             std::size_t max_bytes) {
    std::string content(first_room(fd, max_bytes), '\0');
    std::size_t have = 0;
    while (have <= max_bytes) {
        if (have == content.size()) {
            content.resize(std::min(2 * have, max_bytes) + 1);
        }
        const ssize_t got =
            retried([&] { return ::read(fd.get(), content.data() + have, content.size() - have); });
        if (got < 0) {
            return fail_at("read", path, errno);
        }
        if (got == 0) {
            content.resize(have);
            return content;
        }
        have += static_cast<std::size_t>(got);
    }
    return fail(Errc::UnreadableFile,
                fmt::format("cannot read '{}': it holds more than {} bytes",
                            escape(path.native(), kMaxShownPathBytes), max_bytes));
}

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
int write_new_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
    ::unlink(path.c_str());  // left by a crash; if it cannot go, the open says why
    const UniqueFd fd(retried([&] {
        return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }));
    if (!fd || ::fchmod(fd.get(), mode) != 0) {
        return errno;
    }
    if (const int error = write_all(fd.get(), content); error != 0) {
        return error;
    }
    return ::fsync(fd.get()) == 0 ? 0 : errno;
}

/// @return 0 or errno.
int sync_directory(const std::filesystem::path& directory) {
    const UniqueFd fd(
        retried([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    return fd && ::fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
    auto fd = open_for_reading(path);
    if (!fd) {
        return forward_error(fd);
    }
    return read_all(*fd, path, max_bytes);
}

Result<Secret> read_private_file(const std::filesystem::path& path, std::size_t max_bytes) {
    auto fd = open_for_reading(path);
    if (!fd) {
        return forward_error(fd);
    }
    struct stat facts{};
    if (::fstat(fd->get(), &facts) != 0) {
        return fail_at("look at", path, errno);
    }
    if (!S_ISREG(facts.st_mode) || (facts.st_mode & 077U) != 0) {
        return fail(Errc::WeakFileMode,
                    fmt::format("'{}' must be a regular file without permissions for group and "
                                "others (mode {:04o}); mend: chmod 600",
                                escape(path.native(), kMaxShownPathBytes), facts.st_mode & 07777U));
    }
    auto content = read_all(*fd, path, max_bytes);
    if (!content) {
        return forward_error(content);
    }
    return Secret(std::move(*content));
}

bool may_exist(const std::filesystem::path& path) {
    struct stat facts{};
    return ::lstat(path.c_str(), &facts) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content,
                             mode_t mode) {
    const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const auto temporary = directory / fmt::format(".{}.tmp", path.filename().native());
    int error = write_new_file(temporary, content, mode);
    if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
        error = errno;
    }
    if (error != 0) {
        ::unlink(temporary.c_str());
        return fail_at("write", path, error);
    }
    if (error = sync_directory(directory); error != 0) {
        return fail_at("make lasting", path, error);
    }
    return {};
}

}  // namespace diglett
