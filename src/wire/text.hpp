#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace diglett::wire {

/// `text` as it may travel: at most `max_bytes`, cut between two characters, with `?` for each byte
/// that is not part of valid UTF-8 (the words of a system or of another peer need not be).
[[nodiscard]] std::string clip_text(std::string_view text, std::size_t max_bytes);

}  // namespace diglett::wire
