#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace diglett {

/// The whole content of a file.
/// @param max_bytes the most that is accepted.
/// @return UnreadableFile, naming path and reason, when it cannot be opened or read or holds more.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::size_t max_bytes);

/// The whole content of a file that nobody but its owner may touch (a key).
/// @return WeakFileMode when group or others have any permission or it is no regular file;
///         UnreadableFile as read_file.
[[nodiscard]] Result<Secret> read_private_file(const std::filesystem::path& path,
                                               std::size_t max_bytes);

/// Whether something exists at `path`; true also when that cannot be told.
[[nodiscard]] bool may_exist(const std::filesystem::path& path);

/// Replaces a file as a whole: after a crash at any moment, `path` holds the old content or the new
/// one. Written as `.NAME.tmp` in the same directory, fsync, rename, fsync of the directory. One
/// writer at a time for each path (callers hold a lock or are alone).
/// @param mode permissions of the new file, set exactly, whatever the umask.
/// @return DiskFull when there is no room, quota or right to write at all (read-only file system),
///         UnreadableFile for any other reason; both name path and reason, and leave `path` as it
///         was. Only a failing last step, the fsync of the directory, leaves the new content in
///         place.
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path,
                                           std::string_view content, mode_t mode = 0600);

}  // namespace diglett
