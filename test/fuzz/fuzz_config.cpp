// Any text is a configuration or an error that names the file; what was read is what the schema
// knows, and the values survive being written as TOML and read again.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "app/config_file.hpp"
#include "app/limits.hpp"
#include "app/settings.hpp"
#include "base/assert.hpp"

namespace {

using diglett::app::ConfigSchema;
using diglett::app::ConfigTable;

const ConfigSchema kSchema{.keys = {"listen", "auth", "workers", "accept-v1", "token"},
                           .service_keys = {"name", "backend", "kind"}};

void check_known(const ConfigTable& table, const std::set<std::string>& keys) {
    for (const auto& [key, entry] : table) {
        DIGLETT_ASSERT(keys.contains(key));
        DIGLETT_ASSERT(entry.line > 0);
    }
}

void append(const ConfigTable& table, std::string& text) {
    for (const auto& [key, entry] : table) {
        text += key + " = [";
        for (const auto& value : entry.values) {
            text += diglett::app::toml_quoted(value) + ",";
        }
        text += "]\n";
    }
}

void check_same(const ConfigTable& read, const ConfigTable& again) {
    DIGLETT_ASSERT(read.size() == again.size());
    for (const auto& [key, entry] : read) {
        DIGLETT_ASSERT(again.at(key).values == entry.values);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = diglett::app::parse_config(text, "the-file", kSchema);
    if (!config) {
        DIGLETT_ASSERT(config.error().code == diglett::Errc::InvalidConfig);
        DIGLETT_ASSERT(config.error().text.starts_with("the-file:"));
        return 0;
    }
    check_known(config->settings, kSchema.keys);
    std::string written;
    append(config->settings, written);
    for (const auto& service : config->services) {
        check_known(service, kSchema.service_keys);
        written += "[[service]]\n";
        append(service, written);
    }
    if (written.size() > diglett::app::kMaxConfigBytes) {
        return 0;
    }
    const auto again = diglett::app::parse_config(written, "again", kSchema);
    DIGLETT_ASSERT(again.has_value());
    check_same(config->settings, again->settings);
    DIGLETT_ASSERT(config->services.size() == again->services.size());
    for (std::size_t i = 0; i < config->services.size(); ++i) {
        check_same(config->services[i], again->services[i]);
    }
    return 0;
}
