#include "app/settings.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "app/limits.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "base/secret.hpp"

namespace diglett::app {

namespace {

/// What CLI11 calls an empty list.
constexpr std::string_view kNoValues = "[]";

std::string variable_of(std::string key) {
    std::replace(key.begin(), key.end(), '-', '_');
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return "DIGLETT_" + key;
}

}  // namespace

Settings::Settings(std::string program, std::string description, std::string version)
    : app_(std::move(description), std::move(program)), version_(std::move(version)) {
    app_.set_version_flag("-V,--version", version_);
    app_.fallthrough();
    check_ = app_.add_subcommand("check", "Validate the configuration and exit");
    print_ = app_.add_subcommand("print-config", "Show the merged configuration, secrets masked");
    app_.require_subcommand(0, 1);
    app_.add_option("--config", config_path_, "Configuration file (TOML)")
        ->envname("DIGLETT_CONFIG");
    declare(app_.add_flag("-d,--debug", debug_, "Debug messages; twice: trace as well"),
            {.option = nullptr, .is_text = false});
    declare(app_.add_option("--log-format", log_format_, "text or json")
                ->check(CLI::IsMember({"text", "json"})),
            {.option = nullptr});
}

CLI::Option* Settings::declare(CLI::Option* option, Entry entry) {
    const std::string key = option->get_lnames().front();
    option->envname(variable_of(key));
    entry.option = option;
    entries_.emplace(key, entry);
    schema_.keys.insert(key);
    return option;
}

void Settings::text(const std::string& flags, std::string& target, const std::string& help) {
    declare(app_.add_option(flags, target, help)->capture_default_str(),
            {.option = nullptr, .target = &target});
}

void Settings::secret(const std::string& flags, std::string& target, const std::string& help) {
    declare(app_.add_option(flags, target, help),
            {.option = nullptr, .is_secret = true, .target = &target});
}

void Settings::list(const std::string& flags, std::vector<std::string>& target,
                    const std::string& help, bool several) {
    auto* const option = app_.add_option(flags, target, help);
    option->allow_extra_args(several)->delimiter(',');
    if (!target.empty()) {
        option->capture_default_str();
    }
    declare(option, {.option = nullptr, .list = &target});
}

void Settings::number(const std::string& flags, std::uint32_t& target, const std::string& help) {
    declare(app_.add_option(flags, target, help)->capture_default_str(),
            {.option = nullptr, .is_text = false});
}

void Settings::flag(const std::string& flags, bool& target, const std::string& help) {
    auto* const option = app_.add_flag(flags, target, help);
    if (target) {
        option->default_str("true");
    }
    declare(option, {.option = nullptr, .is_text = false});
}

void Settings::check_flag(const std::string& flags, bool& target, const std::string& help) {
    check_->add_flag(flags, target, help);
}

void Settings::positional(const std::string& name, std::string& target, const std::string& help) {
    app_.add_option(name, target, help);
}

void Settings::require(const std::string& key,
                       std::function<Status(const std::string& value)> check) {
    entries_.at(key).check = std::move(check);
}

Result<Action> Settings::load(int argc, const char* const* argv) {
    try {
        app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        shown_text_ = app_.help();
        return Action::ShowText;
    } catch (const CLI::CallForVersion&) {
        shown_text_ = version_ + "\n";
        return Action::ShowText;
    } catch (const CLI::ParseError& error) {
        return fail(Errc::InvalidUsage,
                    fmt::format("{} (see {} --help)", escape(error.what()), app_.get_name()));
    }
    if (const auto applied = apply_file(); !applied) {
        return forward_error(applied);
    }
    if (const auto chosen = choose_alternatives(); !chosen) {
        return forward_error(chosen);
    }
    if (const auto valid = check_values(); !valid) {
        return forward_error(valid);
    }
    if (check_->parsed()) {
        return Action::Check;
    }
    return print_->parsed() ? Action::PrintConfig : Action::Run;
}

Status Settings::apply_file() {
    if (config_path_.empty()) {
        return {};
    }
    const auto text = read_file(config_path_, kMaxConfigBytes);
    if (!text) {
        return forward_error(text);
    }
    auto file = parse_config(*text, config_path_, schema_);
    if (!file) {
        return forward_error(file);
    }
    services_ = std::move(file->services);
    for (const auto& [key, values] : file->settings) {
        if (entries_.at(key).option->count() > 0) {
            continue;  // a flag or variable goes first
        }
        if (const auto applied = apply(key, values); !applied) {
            return applied;
        }
        from_file_.emplace(key, values.where);
    }
    return {};
}

void Settings::alternatives(const std::string& one, const std::string& other) {
    alternatives_.emplace_back(one, other);
}

Settings::Level Settings::level_of(const std::string& key) const {
    const auto* const option = entries_.at(key).option;
    if (option->count() == 0) {
        return Level::Default;
    }
    if (from_file_.contains(key)) {
        return Level::File;
    }
    const auto& flags = app_.parse_order();
    return std::ranges::find(flags, option) == flags.end() ? Level::Variable : Level::Flag;
}

Status Settings::choose_alternatives() {
    for (const auto& [one, other] : alternatives_) {
        const Level level = level_of(one);
        const Level other_level = level_of(other);
        if (level == other_level && level != Level::Default) {
            const auto from = from_file_.find(one);
            return from == from_file_.end()
                       ? fail(Errc::InvalidUsage,
                              fmt::format("--{} and --{} exclude each other", one, other))
                       : fail(Errc::InvalidConfig,
                              fmt::format("{}: keys '{}' and '{}' exclude each other", from->second,
                                          one, other));
        }
        const Entry& loser = entries_.at(level < other_level ? one : other);
        loser.option->clear();
        loser.target->clear();
    }
    return {};
}

Status Settings::check_values() const {
    for (const auto& [key, entry] : entries_) {
        if (!entry.check || entry.option->count() == 0) {
            continue;
        }
        for (const auto& value : entry.option->results()) {
            const auto valid = entry.check(value);
            if (valid) {
                continue;
            }
            const auto from = from_file_.find(key);
            if (from != from_file_.end()) {
                return fail(Errc::InvalidConfig,
                            fmt::format("{}: key '{}': {}", from->second, key, valid.error().text));
            }
            return fail(valid.error().code, fmt::format("--{}: {}", key, valid.error().text));
        }
    }
    return {};
}

Status Settings::apply(const std::string& key, const ConfigEntry& values) {
    const Entry& entry = entries_.at(key);
    const auto mistake = [&](std::string_view why) {
        return fail(Errc::InvalidConfig, fmt::format("{}: key '{}': {}", values.where, key, why));
    };
    if (entry.list == nullptr && values.values.size() != 1) {
        return mistake("takes one value");
    }
    if (values.values.empty()) {
        entry.list->clear();
        return {};
    }
    try {
        for (const auto& value : values.values) {
            entry.option->add_result(value);
        }
        entry.option->run_callback();
    } catch (const CLI::Error& error) {
        return mistake(escape(error.what()));
    }
    return {};
}

LogOptions Settings::log_options() const {
    return {.format = log_format_ == "json" ? LogFormat::Json : LogFormat::Text,
            .level = log_level_for(debug_)};
}

/// The value of a setting as TOML.
std::string Settings::shown(const std::string& key, const Entry& entry) const {
    if (entry.is_secret) {
        return toml_quoted(Secret::mask());
    }
    if (entry.list != nullptr) {
        std::vector<std::string> quoted;
        for (const auto& value : *entry.list)
            quoted.push_back(toml_quoted(value));
        return fmt::format("[{}]", fmt::join(quoted, ", "));
    }
    if (key == "debug") {
        return fmt::to_string(debug_);
    }
    const auto value = entry.option->count() == 0 ? entry.option->get_default_str()
                                                  : entry.option->as<std::string>();
    return entry.is_text ? toml_quoted(value) : value;
}

std::string Settings::print(const std::set<std::string>& without) const {
    std::string text;
    for (const auto& [key, entry] : entries_) {
        const auto& otherwise = entry.option->get_default_str();
        const bool is_unset =
            entry.option->count() == 0 && (otherwise.empty() || otherwise == kNoValues);
        if (is_unset || without.contains(key)) {
            continue;
        }
        text += fmt::format("{} = {}\n", key, shown(key, entry));
    }
    return text;
}

std::string toml_quoted(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

}  // namespace diglett::app
