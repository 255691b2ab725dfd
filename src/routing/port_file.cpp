#include "routing/port_file.hpp"

#include <limits>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/escape.hpp"
#include "base/file.hpp"
#include "routing/json_fields.hpp"
#include "routing/limits.hpp"
#include "routing/name.hpp"

namespace diglett::routing {

namespace {

namespace json = boost::json;

constexpr std::uint64_t kVersion = 1;

json::object to_json(std::uint16_t number, const StoredPort& port) {
    json::object entry;
    entry["port"] = number;
    entry["name"] = check_name_grammar(port.name) ? port.name : "";
    if (port.rests_until) {
        entry["rests_until"] =
            std::chrono::ceil<std::chrono::seconds>(port.rests_until->time_since_epoch()).count();
    }
    return entry;
}

std::string read_port(const json::value& value, StoredPorts& into) {
    constexpr auto kMaxSeconds = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::duration::max());
    Fields fields(value);
    const auto number = static_cast<std::uint16_t>(
        fields.number("port", std::numeric_limits<std::uint16_t>::max()));
    StoredPort port{.name = fields.text("name")};
    if (const auto* object = value.if_object(); object && object->contains("rests_until")) {
        port.rests_until = WallTime(std::chrono::seconds(
            fields.number("rests_until", static_cast<std::uint64_t>(kMaxSeconds.count()))));
    }
    if (number == 0) {
        fields.bad("port");
    }
    if (!port.name.empty() && !check_name_grammar(port.name)) {
        fields.bad("name");
    }
    if (fields.mistake().empty() && !into.emplace(number, std::move(port)).second) {
        return fmt::format("port {} stands twice", number);
    }
    return fields.mistake();
}

std::unexpected<Error> corrupt(std::string text) {
    return fail(Errc::CorruptState, std::move(text));
}

}  // namespace

std::string encode_ports(const StoredPorts& ports) {
    // One port a line, so that an operator can read it.
    std::string text = fmt::format("{{\"version\":{},\"ports\":[", kVersion);
    std::string_view separator = "\n";
    for (const auto& [number, port] : ports) {
        text += separator;
        text += json::serialize(to_json(number, port));
        separator = ",\n";
    }
    text += "\n]}\n";
    return text;
}

Result<StoredPorts> decode_ports(std::string_view text) {
    boost::system::error_code error;
    const json::value root = json::parse(json::string_view(text.data(), text.size()), error);
    if (error) {
        return corrupt(fmt::format("no JSON: {}", error.message()));
    }
    Fields fields(root);
    const auto version = fields.number("version", std::numeric_limits<std::uint64_t>::max());
    const json::array* entries = fields.array("ports");
    if (fields.mistake().empty() && version != kVersion) {
        return corrupt(fmt::format("version {} is unknown, {} is known", version, kVersion));
    }
    if (!fields.mistake().empty()) {
        return corrupt(fields.mistake());
    }
    StoredPorts ports;
    for (std::size_t i = 0; i < entries->size(); ++i) {
        if (auto mistake = read_port((*entries)[i], ports); !mistake.empty()) {
            return corrupt(fmt::format("entry {}: {}", i + 1, mistake));
        }
    }
    return ports;
}

Result<PortFile> PortFile::open(std::filesystem::path path, Logger logger) {
    PortFile file;
    if (may_exist(path)) {
        const auto text = read_file(path, kMaxPortFileBytes);
        if (!text) {
            return forward_error(text);
        }
        auto ports = decode_ports(*text);
        if (!ports) {
            return fail(Errc::CorruptState,
                        fmt::format("port file '{}': {}; mend it, or delete it, and other names "
                                    "get the ports of names just gone",
                                    escape(path.native()), ports.error().text));
        }
        file.found_ = std::move(*ports);
    }
    file.path_ = std::move(path);
    file.logger_ = std::move(logger);
    return file;
}

bool PortFile::save(const StoredPorts& ports) {
    if (!path_) {
        return true;
    }
    const auto written = write_file_atomically(*path_, encode_ports(ports));
    if (!written && !saving_fails_) {
        logger_.error("{}: {}: names go on, but after a crash others may get their ports at once",
                      dig_code(written.error().code), written.error().text);
    }
    if (written && saving_fails_) {
        logger_.info("the port file is written again");
    }
    saving_fails_ = !written.has_value();
    return !saving_fails_;
}

}  // namespace diglett::routing
