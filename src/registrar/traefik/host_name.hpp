#pragma once

#include <cstddef>
#include <string_view>

namespace diglett::registrar::traefik {

/// Longest host name in text form, without the final dot (RFC 1035, section 2.3.4: 255 on the
/// wire).
inline constexpr std::size_t kMaxHostBytes = 253;

/// Whether `text` is `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`: what a name may be (protocol 9.1), and
/// each part of a domain. Checked here once more, because a name becomes part of a file's name, of
/// a rule and of a text that Traefik takes for a template.
[[nodiscard]] bool is_host_label(std::string_view text);

/// Whether `text` is labels joined by dots, of at most kMaxHostBytes, that cannot be an IPv4
/// address: the last label is not all digits (RFC 3696, section 2).
[[nodiscard]] bool is_domain(std::string_view text);

}  // namespace diglett::registrar::traefik
