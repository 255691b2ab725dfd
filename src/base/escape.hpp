#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace diglett {

/// Longest text that escape() makes: enough for any name, address or reason, too little to flood a
/// log with. In bytes.
inline constexpr std::size_t kMaxEscapedBytes = 256;

/// Any text of a peer as printable ASCII on one line, for logs and terminals: printable ASCII
/// stays,
/// `\` becomes `\\`, other characters of valid UTF-8 become `\u{202e}`, control bytes and bytes
/// that are not valid UTF-8 become `\xNN`. Unambiguous, never throws but for lack of memory.
/// @param max_bytes bound of the result, at least 3; a longer one is cut between two characters and
///        ends in `...`.
[[nodiscard]] std::string escape(std::string_view text, std::size_t max_bytes = kMaxEscapedBytes);

/// As escape(), but a `\` stays as it is: for a whole line that may hold escaped parts already. The
/// last defence of the log, where somebody forgot escape().
[[nodiscard]] std::string escape_line(std::string_view line, std::size_t max_bytes);

}  // namespace diglett
