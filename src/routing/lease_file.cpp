#include "routing/lease_file.hpp"

#include <limits>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/escape.hpp"
#include "routing/json_fields.hpp"
#include "routing/limits.hpp"
#include "routing/name.hpp"

namespace diglett::routing {

namespace {

namespace json = boost::json;

constexpr std::uint64_t kVersion = 1;

std::int64_t to_seconds(WallTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

json::object to_json(const std::string& name, const Lease& lease) {
    json::object entry;
    entry["name"] = name;
    entry["identity"] = lease.identity;
    entry["generation"] = lease.generation.value;
    entry["port"] = lease.last_port;
    entry["last_used"] = to_seconds(lease.last_used);
    return entry;
}

std::unexpected<Error> corrupt(std::string text) {
    return fail(Errc::CorruptState, std::move(text));
}

std::string read_lease(const json::value& value, StoredLeases& into) {
    constexpr auto kMaxSeconds = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::duration::max());
    Fields fields(value);
    const std::string name = fields.text("name");
    Lease lease;
    lease.identity = fields.text("identity");
    lease.generation.value = fields.number("generation", into.last_generation);
    lease.last_port = static_cast<std::uint16_t>(
        fields.number("port", std::numeric_limits<std::uint16_t>::max()));
    lease.last_used = WallTime(std::chrono::seconds(
        fields.number("last_used", static_cast<std::uint64_t>(kMaxSeconds.count()))));
    if (!check_name_grammar(name)) {
        fields.bad("name");
    }
    if (lease.identity.empty() || lease.identity.size() > kMaxIdentityBytes) {
        fields.bad("identity");
    }
    if (fields.mistake().empty() && !into.leases.emplace(name, std::move(lease)).second) {
        return fmt::format("the name '{}' stands twice", name);
    }
    return fields.mistake();
}

Result<StoredLeases> read_root(const json::value& root) {
    Fields fields(root);
    const auto version = fields.number("version", std::numeric_limits<std::uint64_t>::max());
    if (fields.mistake().empty() && version != kVersion) {
        return corrupt(fmt::format("version {} is unknown, {} is known", version, kVersion));
    }
    StoredLeases stored;
    stored.clean = fields.flag("clean");
    stored.last_generation =
        fields.number("last_generation", std::numeric_limits<std::uint64_t>::max());
    const json::array* leases = fields.array("leases");
    if (!fields.mistake().empty()) {
        return corrupt(fields.mistake());
    }
    for (std::size_t i = 0; i < leases->size(); ++i) {
        if (auto mistake = read_lease((*leases)[i], stored); !mistake.empty()) {
            return corrupt(fmt::format("lease {}: {}", i + 1, mistake));
        }
    }
    return stored;
}

}  // namespace

std::string encode_leases(const Leases& leases, std::uint64_t last_generation, bool clean) {
    // One lease a line, so that an operator can read it.
    std::string text =
        fmt::format("{{\"version\":{},\"clean\":{},\"last_generation\":{},\"leases\":[", kVersion,
                    clean, last_generation);
    std::string_view separator = "\n";
    for (const auto& [name, lease] : leases) {
        if (lease.reserved) {
            text += separator;
            text += json::serialize(to_json(name, lease));
            separator = ",\n";
        }
    }
    text += "\n]}\n";
    return text;
}

Result<StoredLeases> decode_leases(std::string_view text) {
    boost::system::error_code error;
    const json::value root = json::parse(json::string_view(text.data(), text.size()), error);
    if (error) {
        return corrupt(fmt::format("no JSON: {}", error.message()));
    }
    return read_root(root);
}

}  // namespace diglett::routing
