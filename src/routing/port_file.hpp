#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"
#include "routing/lease.hpp"

namespace diglett::routing {

/// A helper port to which something outside may lead visitors of a name.
struct StoredPort {
    std::string name;  ///< Empty: of nobody who could ask for it.
    /// When it may go to another name, to a second. None: that was not known when this was written,
    /// as the name was in use, or might be again: it rests anew.
    std::optional<WallTime> rests_until{};

    friend bool operator==(const StoredPort&, const StoredPort&) = default;
};

/// By number.
using StoredPorts = std::map<std::uint16_t, StoredPort>;

/// The text of a port file. JSON: `version` 1 and `ports`, an array of `port`, `name` and perhaps
/// `rests_until` (seconds since 1970). A name that is against the grammar is left empty.
[[nodiscard]] std::string encode_ports(const StoredPorts& ports);

/// @return CorruptState, saying what is wrong, for anything that encode_ports does not write.
[[nodiscard]] Result<StoredPorts> decode_ports(std::string_view text);

/// Helper ports kept in a file, so that no restart cuts their rest short. One writer at a time.
class PortFile {
  public:
    /// In memory only.
    PortFile() = default;

    /// Reads the file, if there is one; changes nothing.
    /// @param logger hears when saving begins to fail and when it works again.
    /// @return CorruptState when it holds anything but what this class writes, UnreadableFile.
    [[nodiscard]] static Result<PortFile> open(std::filesystem::path path, Logger logger);

    /// What was in the file when it was opened.
    [[nodiscard]] const StoredPorts& found() const { return found_; }

    /// Replaces the file's content. @return whether it is there now; a failure is logged once.
    bool save(const StoredPorts& ports);

    /// Whether there is a file at all.
    [[nodiscard]] bool is_kept() const { return path_.has_value(); }

  private:
    std::optional<std::filesystem::path> path_;
    Logger logger_;
    StoredPorts found_;
    bool saving_fails_ = false;
};

}  // namespace diglett::routing
