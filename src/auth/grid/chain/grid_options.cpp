#include "auth/grid/chain/grid_options.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.hpp"

namespace diglett::auth::grid {

namespace {

/// A host name as agents write it into `aud`.
bool is_audience(std::string_view text) {
    return !text.empty() && !text.ends_with('.') && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < 0x7f && (c < 'A' || c > 'Z');
    });
}

}  // namespace

Status GridOptions::validate() const {
    if (token.audiences.empty()) {
        return fail(Errc::InvalidConfig,
                    "grid needs the host name that tokens are made for: --grid-audience");
    }
    for (const auto& audience : token.audiences) {
        if (!is_audience(audience)) {
            return fail(Errc::InvalidConfig,
                        fmt::format("grid audience '{}': expected a host name in lower case, "
                                    "without a final dot",
                                    escape(audience)));
        }
    }
    if (token.max_lifetime <= std::chrono::seconds(0)) {
        return fail(Errc::InvalidConfig, "grid max-lifetime: expected more than no time");
    }
    if (recheck < std::chrono::seconds(1)) {
        return fail(Errc::InvalidConfig, "grid recheck: expected one second or more");
    }
    return {};
}

}  // namespace diglett::auth::grid
