#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/config_file.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

namespace diglett::app {

/// What the command line asks for besides running.
enum class Action : std::uint8_t {
    Run,
    Check,        ///< Validate and say so.
    PrintConfig,  ///< Show the merged configuration, secrets masked.
    ShowText,     ///< --help or --version: `text` goes to stdout, exit 0.
};

/// A program's settings, each at once a flag `--KEY`, a variable `DIGLETT_KEY` and a key of the
/// configuration file: flag over variable over file. `KEY` may stand in a table of the file: `b-c`
/// in `[a]` is `a-b-c`. Declare all, then load() once.
class Settings {
  public:
    Settings(std::string program, std::string description, std::string version);

    /// `flags` as CLI11 writes them, e.g. "-n,--name"; the key is the long one. `target` holds the
    /// default and lives until load() has returned.
    void text(const std::string& flags, std::string& target, const std::string& help);
    void secret(const std::string& flags, std::string& target, const std::string& help);
    /// @param several whether one flag may be followed by several values.
    void list(const std::string& flags, std::vector<std::string>& target, const std::string& help,
              bool several = false);
    void number(const std::string& flags, std::uint32_t& target, const std::string& help);
    void flag(const std::string& flags, bool& target, const std::string& help);
    /// Without a flag and a key: the words after the options, at most one.
    void positional(const std::string& name, std::string& target, const std::string& help);
    /// Of the command `check` alone; neither a variable nor a key.
    void check_flag(const std::string& flags, bool& target, const std::string& help);

    /// What --help says at its end.
    void footer(const std::string& text) { app_.footer(text); }

    /// Refuses a value of setting `key` for which `check` returns an error. load() says where the
    /// value came from.
    void require(const std::string& key, std::function<Status(const std::string& value)> check);

    /// Of these two settings (of text() or secret()) one holds: that of the higher level, where the
    /// other counts as not set. load() refuses both at one level.
    void alternatives(const std::string& one, const std::string& other);

    /// [[service]] tables of the file may have these keys.
    void service_keys(std::set<std::string> keys) { schema_.service_keys = std::move(keys); }

    /// Reads command line, environment and the file of --config.
    /// @return InvalidUsage for the command line, InvalidConfig and UnreadableFile for the file.
    [[nodiscard]] Result<Action> load(int argc, const char* const* argv);

    /// After load():
    [[nodiscard]] const std::string& shown_text() const { return shown_text_; }

    [[nodiscard]] const std::vector<ConfigTable>& services() const { return services_; }

    [[nodiscard]] LogOptions log_options() const;
    /// The merged settings as a configuration file, secrets masked. Services are the caller's.
    /// @param without keys that are left out, because the caller writes them otherwise.
    [[nodiscard]] std::string print(const std::set<std::string>& without = {}) const;

  private:
    /// Where a value comes from; a higher one goes first.
    enum class Level : std::uint8_t { Default, File, Variable, Flag };

    struct Entry {
        CLI::Option* option;
        bool is_secret = false;
        bool is_text = true;
        std::string* target = nullptr;             ///< Of text() and secret().
        std::vector<std::string>* list = nullptr;  ///< Of list().
        std::function<Status(const std::string&)> check{};
    };

    CLI::Option* declare(CLI::Option* option, Entry entry);
    [[nodiscard]] Status apply_file();
    [[nodiscard]] Status apply(const std::string& key, const ConfigEntry& values);
    [[nodiscard]] Status check_values() const;
    [[nodiscard]] std::string shown(const std::string& key, const Entry& entry) const;
    [[nodiscard]] Level level_of(const std::string& key) const;
    [[nodiscard]] Status choose_alternatives();

    CLI::App app_;
    CLI::App* check_;
    CLI::App* print_;
    ConfigSchema schema_;
    std::map<std::string, Entry> entries_;
    std::vector<std::pair<std::string, std::string>> alternatives_;
    std::vector<ConfigTable> services_;
    std::map<std::string, std::string> from_file_;  ///< Keys whose value is the file's: FILE:LINE.
    std::string version_;
    std::string shown_text_;
    std::string config_path_;
    std::string log_format_ = "text";
    std::uint32_t debug_ = 0;
};

/// For require(): a value is right when `parse` understands it.
template <class Parse>
[[nodiscard]] auto understood_by(Parse parse) {
    return [parse](const std::string& text) -> Status {
        const auto parsed = parse(text);
        return parsed ? Status{} : forward_error(parsed);
    };
}

/// `"...": text as a TOML basic string.
[[nodiscard]] std::string toml_quoted(std::string_view text);

}  // namespace diglett::app
