#include "registrar/traefik/own_file.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "net/port_number.hpp"
#include "registrar/traefik/host_name.hpp"

namespace diglett::registrar::traefik {

namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "diglett-";
constexpr std::string_view kSuffix = ".yml";

/// The value behind `key`, or behind the only key there is when `key` is empty.
const json::value* member(const json::value* of, std::string_view key) {
    const auto* const object = of == nullptr ? nullptr : of->if_object();
    if (object == nullptr) {
        return nullptr;
    }
    if (key.empty()) {
        return object->size() == 1 ? &object->begin()->value() : nullptr;
    }
    return object->if_contains(key);
}

const json::value* only_item(const json::value* of) {
    const auto* const array = of == nullptr ? nullptr : of->if_array();
    return array == nullptr || array->size() != 1 ? nullptr : &array->front();
}

std::optional<std::uint16_t> port_behind(std::string_view prefix, const json::value* address) {
    const auto* const held = address == nullptr ? nullptr : address->if_string();
    if (held == nullptr || !std::string_view(*held).starts_with(prefix)) {
        return std::nullopt;
    }
    return net::parse_port(std::string_view(*held).substr(prefix.size()));
}

const json::value* only_server(const json::value* root, std::string_view protocol) {
    const auto* const service = member(member(member(root, protocol), "services"), "");
    return only_item(member(member(service, "loadBalancer"), "servers"));
}

}  // namespace

std::string own_file_name(std::string_view name) {
    return fmt::format("{}{}{}", kPrefix, name, kSuffix);
}

std::string own_resource(std::string_view name) {
    return fmt::format("{}{}", kPrefix, name);
}

std::optional<std::string_view> name_of_own_file(std::string_view file) {
    if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix) ||
        file.size() <= kPrefix.size() + kSuffix.size()) {
        return std::nullopt;
    }
    const auto name = file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size());
    return is_host_label(name) ? std::optional(name) : std::nullopt;
}

bool is_own_route(std::string_view name, std::string_view text) {
    json::error_code error;
    const auto root = json::parse(text, error);
    const auto* const routers = error ? nullptr : member(member(&root, ""), "routers");
    const auto* const router = routers == nullptr ? nullptr : routers->if_object();
    return router != nullptr && router->size() == 1 && router->begin()->key() == own_resource(name);
}

std::optional<std::uint16_t> routed_port(std::string_view text) {
    json::error_code error;
    const auto root = json::parse(text, error);
    if (error) {
        return std::nullopt;
    }
    if (const auto http =
            port_behind("http://127.0.0.1:", member(only_server(&root, "http"), "url"))) {
        return http;
    }
    return port_behind("127.0.0.1:", member(only_server(&root, "tcp"), "address"));
}

}  // namespace diglett::registrar::traefik
