#pragma once

#include <string_view>

namespace diglett::auth::grid {

/// Whether the chain sells such names: 3 to 64 of a-z, 0-9, `-` and `_` (SmartContractModule,
/// MaxNameContractNameLength in the metadata of runtime specs 125, 149 and 152).
[[nodiscard]] bool is_chain_name(std::string_view name);

/// Whether such a name may be a label of a host name (RFC 1123, section 2.1): at most 63 bytes, no
/// `_`, no `-` at either end. The others are refused, as browsers and certificates refuse them.
[[nodiscard]] bool is_host_label(std::string_view chain_name);

}  // namespace diglett::auth::grid
