#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace diglett {

/// What decides where state is kept; state_places_of_process() fills it in, tests by hand.
struct StatePlaces {
    std::optional<std::string> flag{};             ///< --state-dir
    std::optional<std::string> state_directory{};  ///< $STATE_DIRECTORY, may be a list by ':'
    std::optional<std::string> xdg_state_home{};   ///< $XDG_STATE_HOME
    std::optional<std::string> home{};             ///< $HOME
    bool is_root = false;
};

/// The places of this process, with `flag` as the value of --state-dir if it was given.
[[nodiscard]] StatePlaces state_places_of_process(std::optional<std::string> flag);

/// The folder that holds a subfolder for each program, first match: the flag, $STATE_DIRECTORY,
/// /var/lib/diglett for root, $XDG_STATE_HOME/diglett, ~/.local/state/diglett. None without a home.
/// Empty variables, and a relative $XDG_STATE_HOME (its specification says so), count as unset.
[[nodiscard]] std::optional<std::filesystem::path> resolve_state_dir(const StatePlaces& places);

/// An exclusive lock on a state folder, given back when this goes, or when the process dies.
class StateLock {
  public:
    explicit StateLock(UniqueFd held) : held_(std::move(held)) {}

  private:
    UniqueFd held_;
};

/// A program's own folder for state, mode 0700. Files in it are replaced as a whole
/// (write_file_atomically), so reading needs no lock.
class StateDir {
  public:
    /// Makes `base`/`program` and what is missing above it (mode 0700).
    /// @return UnreadableFile or DiskFull, naming path and reason, when it cannot be made, written
    ///         to, or belongs to somebody else.
    [[nodiscard]] static Result<StateDir> open(const std::filesystem::path& base,
                                               std::string_view program);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    [[nodiscard]] std::filesystem::path file(std::string_view name) const { return path_ / name; }

    /// Takes the folder's lock: a gateway for its whole life, an agent only around a write, because
    /// several agents of one user are normal and share keys and known gateways.
    /// @param patience how long to try, by sleeping; 0: once. Agents give a second, at start-up.
    /// @return StateDirLocked, with the holder's process id where known; UnreadableFile.
    [[nodiscard]] Result<StateLock> lock(
        std::chrono::milliseconds patience = std::chrono::milliseconds(0)) const;

  private:
    explicit StateDir(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

/// Resolves and opens the state folder of `program` ("gateway" or "agent").
/// @return none, after a warning, when no default place is usable: state is then kept in memory
/// only.
///         An error of StateDir::open when the place was named by --state-dir or $STATE_DIRECTORY:
///         who names one wants it.
[[nodiscard]] Result<std::optional<StateDir>> open_state_dir(const StatePlaces& places,
                                                             std::string_view program,
                                                             const Logger& logger);

}  // namespace diglett
