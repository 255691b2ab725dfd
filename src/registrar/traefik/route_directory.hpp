#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "registrar/traefik/held_directory.hpp"

namespace diglett::registrar::traefik {

/// A route that an earlier run of the gateway left behind.
struct Leftover {
    std::string name;
    std::optional<std::uint16_t> port;  ///< Where it led on 127.0.0.1; none if that is unreadable.

    friend bool operator==(const Leftover&, const Leftover&) = default;
};

/// What remove_leftovers() found.
struct Swept {
    std::vector<Leftover> removed;
    std::vector<std::string> foreign;  ///< Files called like ours that are not, and stay.
};

/// The directory that Traefik watches: one file a name, `diglett-NAME.yml`. At every moment, also
/// after a crash or on a full disk, each file in it is whole. Files of others are never touched,
/// not even those that are called like one of ours (is_own_route() tells), a symbolic link in it
/// never followed. Every call may block on the disk; one thread at a time.
///
/// Of two routes with one router's name Traefik takes the first that it finds, so a directory
/// belongs to one gateway.
class RouteDirectory {
  public:
    /// Opens `path`, which must be a directory. @return as HeldDirectory::open.
    [[nodiscard]] static Result<RouteDirectory> open(const std::filesystem::path& path);

    /// Looks whether the directory is still the one that is at its path, and opens it anew if not.
    /// @return whether it was opened anew: what was put before is not there. UnreadableFile while
    ///         there is none, with words that say what to do. HeldDirectory::open's errors.
    [[nodiscard]] Result<bool> refresh();

    /// Puts the file of `name` in place; does nothing when it is there with that content.
    /// @param name of right grammar. @param content the whole file, one that dynamic_config() made
    /// for that name.
    /// @return DiskFull or UnreadableFile, naming path and reason, with the file as it was before,
    ///         unless only the last step fails, the fsync of the directory. UnreadableFile, too,
    ///         while a file of others is called so.
    [[nodiscard]] Status put(std::string_view name, std::string_view content);

    /// Removes the file of `name`; fine when there is none of ours. With a crash of the system it
    /// may come back until the next put() or sync(); the next start removes it then.
    /// @return DiskFull or UnreadableFile: it is still there.
    [[nodiscard]] Status remove(std::string_view name);

    /// Makes removals lasting. Costs nothing when there were none.
    [[nodiscard]] Status sync();

    /// Removes every file of ours but those whose name `keep` wants.
    /// @return DiskFull or UnreadableFile when one cannot be removed.
    [[nodiscard]] Result<Swept> remove_leftovers(const std::function<bool(std::string_view)>& keep);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    explicit RouteDirectory(std::filesystem::path path) : path_(std::move(path)) {}

    [[nodiscard]] Status reopen(HeldDirectory::Staging staging);
    [[nodiscard]] int move_in(const std::string& file, std::string_view content) const;

    std::filesystem::path path_;
    std::optional<HeldDirectory> held_;
    bool replaced_ = false;  ///< Since the last refresh().
    bool unsynced_ = false;  ///< Something was renamed or removed since the last fsync.
    HeldDirectory::Staging staging_ = HeldDirectory::Staging::BesideIfPossible;
};

}  // namespace diglett::registrar::traefik
