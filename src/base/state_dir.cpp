#include "base/state_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "base/limits.hpp"

namespace diglett {
namespace {

constexpr std::string_view kLockName = "lock";

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

bool is_set(const std::optional<std::string>& value) {
    return value && !value->empty();
}

std::unexpected<Error> fail_at(std::string_view verb, const std::filesystem::path& path,
                               std::error_code error) {
    const bool full =
        error == std::errc::no_space_on_device || error == std::errc::read_only_file_system;
    return fail(full ? Errc::DiskFull : Errc::UnreadableFile,
                fmt::format("cannot {} state directory '{}': {}", verb, escape(path.native()),
                            error.message()));
}

std::error_code last_error() {
    return {errno, std::generic_category()};
}

/// Makes `path` and its parents, each with mode 0700 (the XDG base directory specification).
std::error_code make_private_directories(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
        return {};
    }
    const auto parent = path.parent_path();
    if (errno != ENOENT || parent.empty() || parent == path) {
        return last_error();
    }
    if (const auto error = make_private_directories(parent)) {
        return error;
    }
    return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST ? std::error_code{} : last_error();
}

Result<StateLock> try_lock(const std::filesystem::path& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        return fail_at("lock", path, last_error());
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
        const auto pid = fmt::format("{}\n", ::getpid());
        // Only a help for whoever meets the lock: the lock itself is the kernel's.
        if (::ftruncate(fd.get(), 0) == 0) {
            [[maybe_unused]] const auto put = ::write(fd.get(), pid.data(), pid.size());
        }
        return StateLock(std::move(fd));
    }
    if (errno != EWOULDBLOCK) {
        return fail_at("lock", path, last_error());
    }
    auto holder = read_file(path, kMaxPidBytes).value_or("");
    while (!holder.empty() && holder.back() == '\n') {
        holder.pop_back();
    }
    return fail(Errc::StateDirLocked,
                fmt::format("state directory '{}' is in use by process {}; another --state-dir "
                            "lets both run",
                            escape(path.parent_path().native()),
                            holder.empty() ? "unknown" : escape(holder)));
}

}  // namespace

StatePlaces state_places_of_process(std::optional<std::string> flag) {
    return {.flag = std::move(flag),
            .state_directory = variable("STATE_DIRECTORY"),
            .xdg_state_home = variable("XDG_STATE_HOME"),
            .home = variable("HOME"),
            .is_root = ::geteuid() == 0};
}

std::optional<std::filesystem::path> resolve_state_dir(const StatePlaces& places) {
    if (is_set(places.flag)) {
        return *places.flag;
    }
    if (is_set(places.state_directory)) {
        return places.state_directory->substr(0, places.state_directory->find(':'));
    }
    if (places.is_root) {
        return "/var/lib/diglett";
    }
    if (is_set(places.xdg_state_home) && places.xdg_state_home->front() == '/') {
        return std::filesystem::path(*places.xdg_state_home) / "diglett";
    }
    if (is_set(places.home)) {
        return std::filesystem::path(*places.home) / ".local/state/diglett";
    }
    return std::nullopt;
}

Result<StateDir> StateDir::open(const std::filesystem::path& base, std::string_view program) {
    std::error_code error;
    const auto path = std::filesystem::absolute(base, error) / program;
    if (!error) {
        error = make_private_directories(path);
    }
    if (error) {
        return fail_at("make", path, error);
    }
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0) {
        return fail_at("look at", path, last_error());
    }
    if (!S_ISDIR(facts.st_mode)) {
        return fail_at("use", path, std::make_error_code(std::errc::not_a_directory));
    }
    if (facts.st_uid != ::geteuid()) {
        return fail(Errc::UnreadableFile, fmt::format("state directory '{}' belongs to user {}",
                                                      escape(path.native()), facts.st_uid));
    }
    if ((facts.st_mode & 07777U) != 0700 && ::chmod(path.c_str(), 0700) != 0) {
        return fail_at("protect", path, last_error());
    }
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
        return fail_at("write to", path, last_error());
    }
    return StateDir(path);
}

Result<StateLock> StateDir::lock(std::chrono::milliseconds patience) const {
    const TimePoint give_up = Clock::now() + patience;
    auto held = try_lock(file(kLockName));
    while (!held && held.error().code == Errc::StateDirLocked && Clock::now() < give_up) {
        std::this_thread::sleep_for(kLockRetry);
        held = try_lock(file(kLockName));
    }
    return held;
}

Result<std::optional<StateDir>> open_state_dir(const StatePlaces& places, std::string_view program,
                                               const Logger& logger) {
    const auto base = resolve_state_dir(places);
    if (!base) {
        logger.warn("no state directory (no home): state is kept in memory only");
        return std::nullopt;
    }
    auto opened = StateDir::open(*base, program);
    if (opened) {
        return std::move(*opened);
    }
    if (is_set(places.flag) || is_set(places.state_directory)) {
        return forward_error(opened);
    }
    logger.warn("{}: state is kept in memory only", opened.error().text);
    return std::nullopt;
}

}  // namespace diglett
