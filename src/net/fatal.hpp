#pragma once

#include <exception>
#include <string_view>

namespace diglett::net {

/// Ends the process because of a bug of ours, which `what` names on standard error.
[[noreturn]] void die_of_bug(std::string_view what);

/// For the end of a coroutine: anything but the exception by which Asio unwinds a cancelled one is
/// a bug.
void die_unless_cancelled(const std::exception_ptr& exception);

}  // namespace diglett::net
