#pragma once

#include <expected>
#include <string_view>

#include <boost/json.hpp>

namespace diglett::wire {

/// Parses `text`, which must be one JSON object (RFC 8259) and nothing else but white space: in
/// valid UTF-8, nested at most kMaxJsonDepth deep, and nowhere with two members of one name, which
/// readers take differently.
/// @return what is wrong, in words that live for ever.
[[nodiscard]] std::expected<boost::json::object, std::string_view> parse_object(
    std::string_view text);

}  // namespace diglett::wire
