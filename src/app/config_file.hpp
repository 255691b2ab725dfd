#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace diglett::app {

/// The keys that a program knows.
struct ConfigSchema {
    std::set<std::string> keys;          ///< Names of flags, without dashes in front.
    std::set<std::string> service_keys;  ///< Of each [[service]]; empty: no such tables.
};

/// A key's values as text, and where they stand.
struct ConfigEntry {
    std::vector<std::string> values;
    std::size_t line = 0;
    std::string where{};  ///< FILE:LINE, for messages.
};

using ConfigTable = std::map<std::string, ConfigEntry>;

struct ConfigFile {
    ConfigTable settings;
    std::vector<ConfigTable> services;
};

/// Reads TOML with strict keys: strings, whole numbers, booleans and arrays of them. A key `b` in a
/// table `[a]` is the key `a-b`.
/// @param file its name, for messages.
/// @return InvalidConfig naming file, line and key.
[[nodiscard]] Result<ConfigFile> parse_config(std::string_view text, std::string_view file,
                                              const ConfigSchema& schema);

}  // namespace diglett::app
