#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace diglett::registrar::traefik {

/// The file of a name in the directory that Traefik watches: `diglett-NAME.yml`.
/// @param name of right grammar.
[[nodiscard]] std::string own_file_name(std::string_view name);

/// What Traefik calls the router and the service of a name: `diglett-NAME`.
[[nodiscard]] std::string own_resource(std::string_view name);

/// The name whose file is called so, if one of ours may be. A view of `file`.
[[nodiscard]] std::optional<std::string_view> name_of_own_file(std::string_view file);

/// Whether `text` is a file that the gateway wrote for `name`: JSON with one router, which bears
/// our name for it. Ours are renamed in when they are whole, so there are no halves of them.
[[nodiscard]] bool is_own_route(std::string_view name, std::string_view text);

/// The port to which a file of ours routes its name, if `text` is one.
[[nodiscard]] std::optional<std::uint16_t> routed_port(std::string_view text);

}  // namespace diglett::registrar::traefik
