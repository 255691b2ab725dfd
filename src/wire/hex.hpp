#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace diglett::wire {

/// Two lower-case digits a byte. (protocol 3.5)
[[nodiscard]] std::string to_hex(ByteView bytes);

/// Fills `to` from exactly two digits a byte, of either case. @return whether `hex` was that.
[[nodiscard]] bool from_hex(std::string_view hex, MutableBytes to);

}  // namespace diglett::wire
