#include "wire/strict_json.hpp"

#include <cstddef>
#include <utility>

#include "wire/limits.hpp"

namespace diglett::wire {

namespace json = boost::json;

namespace {

/// Members in `value` and everything below it.
std::size_t count_members(const json::value& value) {
    std::size_t members = 0;
    if (const auto* const object = value.if_object()) {
        members = object->size();
        for (const auto& member : *object) {
            members += count_members(member.value());
        }
    } else if (const auto* const array = value.if_array()) {
        for (const auto& element : *array) {
            members += count_members(element);
        }
    }
    return members;
}

/// Members as they were written: in valid JSON each has the one colon outside of strings.
std::size_t count_colons(std::string_view text) {
    std::size_t colons = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') {
            in_string = !in_string;
        } else if (in_string && text[i] == '\\') {
            ++i;
        } else if (!in_string && text[i] == ':') {
            ++colons;
        }
    }
    return colons;
}

}  // namespace

std::expected<json::object, std::string_view> parse_object(std::string_view text) {
    json::parse_options options;
    options.max_depth = kMaxJsonDepth;
    json::error_code error;
    json::value value = json::parse(text, error, {}, options);
    if (error) {
        return std::unexpected(error == json::error::too_deep ? "nested too deeply"
                                                              : "not valid JSON");
    }
    if (!value.is_object()) {
        return std::unexpected("not a JSON object");
    }
    if (count_members(value) != count_colons(text)) {
        // Boost.JSON keeps the last of two, others the first: no two readers may differ.
        return std::unexpected("a member is there twice");
    }
    return std::move(value.get_object());
}

}  // namespace diglett::wire
