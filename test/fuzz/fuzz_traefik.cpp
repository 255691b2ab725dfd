// Whatever the operator and an agent say, it is refused, or it is a file that routes one name,
// reads back as what was said, and holds nothing that Traefik would run. Any bytes are a file that
// is read at the start.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/assert.hpp"
#include "registrar/traefik/dynamic_config.hpp"
#include "registrar/traefik/own_file.hpp"

namespace {

namespace json = boost::json;
using namespace diglett::registrar::traefik;

/// The lines of the input: two bytes of numbers, then one text each.
struct Said {
    std::string name, kind;
    Options options;
    std::uint16_t port = 0;
};

Said said_in(std::string_view text) {
    std::array<std::string, 10> lines;
    std::uint8_t low = 0;
    std::uint8_t high = 0;
    if (text.size() >= 2) {
        low = static_cast<std::uint8_t>(text[0]);
        high = static_cast<std::uint8_t>(text[1]);
        text.remove_prefix(2);
    }
    for (auto& line : lines) {
        const auto end = std::min(text.find('\n'), text.size());
        line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    Said said{.name = lines[0], .kind = lines[1], .options = {.domains = {lines[2]}}};
    auto& options = said.options;
    const auto add = [](std::vector<std::string>& list, const std::string& line) {
        if (!line.empty()) {
            list.push_back(line);
        }
    };
    add(options.domains, lines[3]);
    add(options.entry_points, lines[4]);
    options.cert_resolver = lines[5];
    add(options.tls_domains, lines[6]);
    add(options.middlewares, lines[7]);
    add(options.passthrough_entry_points, lines[8]);
    options.public_scheme = lines[9];
    options.tls = low % 7 != 0;
    options.proxy_protocol = low % 4;
    options.termination_delay = std::chrono::milliseconds(high * 250);
    said.port = static_cast<std::uint16_t>(low * 256 + high);
    return said;
}

json::array as_array(const std::vector<std::string>& list) {
    return json::array(list.begin(), list.end());
}

/// The only member of an object of one, which must be called `key`.
const json::value& only(const json::value& of, std::string_view key) {
    DIGLETT_ASSERT(of.as_object().size() == 1);
    return of.at(key);
}

void check_router(const json::value& router, const Said& said, bool http) {
    const auto& options = said.options;
    std::string rule;
    for (const auto& domain : options.domains) {
        rule += fmt::format("{}{}(`{}.{}`)", rule.empty() ? "" : " || ", http ? "Host" : "HostSNI",
                            said.name, domain);
    }
    DIGLETT_ASSERT(router.at("rule") == json::value(rule));
    DIGLETT_ASSERT(router.at("entryPoints") ==
                   as_array(http ? options.entry_points : options.passthrough_entry_points));
    DIGLETT_ASSERT(router.as_object().contains("tls") == (!http || options.tls));
    DIGLETT_ASSERT(router.as_object().contains("middlewares") ==
                   (http && !options.middlewares.empty()));
    if (http && !options.cert_resolver.empty()) {
        DIGLETT_ASSERT(router.at("tls").at("certResolver") == json::value(options.cert_resolver));
    }
}

void check_file(std::string_view text, const Said& said) {
    const bool http = said.kind == "http";
    const auto id = "diglett-" + said.name;
    DIGLETT_ASSERT(text.find("{{") == std::string_view::npos);
    DIGLETT_ASSERT(std::ranges::count(text, '`') ==
                   static_cast<std::ptrdiff_t>(2 * said.options.domains.size()));
    const auto root = json::parse(text);
    const auto& part = only(root, http ? "http" : "tcp");
    DIGLETT_ASSERT(part.as_object().size() == (http ? 2 : 3));
    check_router(only(part.at("routers"), id), said, http);
    (void)only(part.at("services"), id);
    if (!http) {
        (void)only(part.at("serversTransports"), id);
    }
    DIGLETT_ASSERT(routed_port(text) == said.port);
    DIGLETT_ASSERT(json::serialize(root) == text);
    DIGLETT_ASSERT(name_of_own_file(own_file_name(said.name)) == said.name);
    DIGLETT_ASSERT(public_url(said.options, said.name, said.kind).starts_with("http"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    DIGLETT_ASSERT(routed_port(text) != std::uint16_t{0});
    if (const auto name = name_of_own_file(text)) {
        DIGLETT_ASSERT(own_file_name(*name) == text);
    }
    const auto said = said_in(text);
    if (const auto valid = validate(said.options); !valid) {
        DIGLETT_ASSERT(valid.error().code == diglett::Errc::InvalidConfig);
        return 0;
    }
    const auto file =
        dynamic_config(said.options, {.name = said.name, .kind = said.kind, .port = said.port});
    if (file) {
        check_file(*file, said);
    }
    return 0;
}
