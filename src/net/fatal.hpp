#pragma once

#include <string_view>

namespace diglett::net {

/// Ends the process because of a bug of ours, which `what` names on standard error.
[[noreturn]] void die_of_bug(std::string_view what);

}  // namespace diglett::net
