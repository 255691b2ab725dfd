#include "app/config_file.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "app/limits.hpp"
#include "base/escape.hpp"

namespace diglett::app {

namespace {

/// Reads one file; the first mistake is kept and ends the work.
class Reader {
  public:
    Reader(std::string_view file, const ConfigSchema& schema) : file_(file), schema_(schema) {}

    Result<ConfigFile> read(const toml::table& root) {
        ConfigFile config;
        for (const auto& [key, node] : root) {
            const std::string name(key.str());
            const bool is_services = name == "service" && !schema_.service_keys.empty();
            const auto* table = begins_keys(name + "-") ? node.as_table() : nullptr;
            const auto done = is_services ? read_services(node, config)
                              : table != nullptr
                                  ? read_table(name, *table, config)
                                  : read_entry(name, node, schema_.keys, config.settings);
            if (!done) {
                return forward_error(done);
            }
        }
        return config;
    }

  private:
    std::string where(const toml::node& node) const {
        return fmt::format("{}:{}", file_, node.source().begin.line);
    }

    Status mistake(const toml::node& node, std::string_view words) const {
        return fail(Errc::InvalidConfig, fmt::format("{}: {}", where(node), words));
    }

    bool begins_keys(std::string_view start) const {
        return std::ranges::any_of(schema_.keys,
                                   [&](const auto& key) { return key.starts_with(start); });
    }

    /// `b` in `[a]` is the key `a-b`.
    Status read_table(const std::string& name, const toml::table& table, ConfigFile& config) {
        for (const auto& [key, node] : table) {
            const std::string whole = fmt::format("{}-{}", name, key.str());
            if (!schema_.keys.contains(whole)) {
                return mistake(node,
                               fmt::format("unknown key '{}' in [{}]", escape(key.str()), name));
            }
            if (const auto done = read_entry(whole, node, schema_.keys, config.settings); !done) {
                return done;
            }
        }
        return {};
    }

    Status read_services(const toml::node& node, ConfigFile& config) {
        const auto* tables = node.as_array();
        if (tables == nullptr) {
            return mistake(node, "write services as [[service]]");
        }
        for (const auto& entry : *tables) {
            const auto* table = entry.as_table();
            if (table == nullptr) {
                return mistake(entry, "write services as [[service]]");
            }
            auto& service = config.services.emplace_back();
            for (const auto& [key, value] : *table) {
                const auto done =
                    read_entry(std::string(key.str()), value, schema_.service_keys, service);
                if (!done) {
                    return done;
                }
            }
        }
        return {};
    }

    Status read_entry(const std::string& key, const toml::node& node,
                      const std::set<std::string>& known, ConfigTable& into) {
        if (!known.contains(key)) {
            return mistake(node, fmt::format("unknown key '{}'", escape(key)));
        }
        ConfigEntry entry{.values = {}, .line = node.source().begin.line, .where = where(node)};
        const auto* array = node.as_array();
        if (array == nullptr) {
            auto text = text_of(node);
            if (!text) {
                return mistake(node, bad_value(key));
            }
            entry.values.push_back(std::move(*text));
        } else {
            for (const auto& element : *array) {
                auto text = text_of(element);
                if (!text) {
                    return mistake(element, bad_value(key));
                }
                entry.values.push_back(std::move(*text));
            }
        }
        return into.emplace(key, std::move(entry)).second
                   ? Status{}
                   : mistake(node, fmt::format("key '{}' stands there twice", key));
    }

    static std::string bad_value(const std::string& key) {
        return fmt::format("key '{}' takes text, a whole number, true or false", key);
    }

    static std::optional<std::string> text_of(const toml::node& node) {
        if (const auto* text = node.as_string())
            return text->get();
        if (const auto* number = node.as_integer())
            return fmt::format("{}", number->get());
        if (const auto* flag = node.as_boolean())
            return flag->get() ? "true" : "false";
        return std::nullopt;
    }

    std::string_view file_;
    const ConfigSchema& schema_;
};

}  // namespace

Result<ConfigFile> parse_config(std::string_view text, std::string_view file,
                                const ConfigSchema& schema) {
    if (text.size() > kMaxConfigBytes) {
        return fail(Errc::InvalidConfig, fmt::format("{}: larger than 1 MiB", file));
    }
    try {
        const toml::table root = toml::parse(text, file);
        return Reader(file, schema).read(root);
    } catch (const toml::parse_error& error) {
        return fail(Errc::InvalidConfig, fmt::format("{}:{}: {}", file, error.source().begin.line,
                                                     escape(error.description())));
    }
}

}  // namespace diglett::app
