// Any bytes become bounded printable ASCII on one line, in the text and in the JSON log.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/json.hpp>

#include "base/assert.hpp"
#include "base/escape.hpp"
#include "base/log_line.hpp"

namespace {

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void check_line(diglett::LogFormat format, std::string_view message) {
    const auto line = diglett::format_log_line(
        format,
        {.time = {}, .level = diglett::LogLevel::Info, .scope = message, .message = message});
    DIGLETT_ASSERT(line.size() <= diglett::kMaxLogLineBytes);
    DIGLETT_ASSERT(line.ends_with('\n'));
    const std::string_view inside(line.data(), line.size() - 1);
    DIGLETT_ASSERT(is_printable(inside));
    if (format == diglett::LogFormat::Json) {
        boost::system::error_code error;
        const auto value = boost::json::parse({inside.data(), inside.size()}, error);
        DIGLETT_ASSERT(!error && value.is_object() && value.as_object().contains("message"));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t bound = size > 0 ? 3 + std::size_t{data[0]} : diglett::kMaxEscapedBytes;
    const auto escaped = diglett::escape(text, bound);
    DIGLETT_ASSERT(escaped.size() <= bound && is_printable(escaped));
    // Escaping a part and then the line that holds it changes nothing.
    DIGLETT_ASSERT(diglett::escape_line(escaped, bound) == escaped);
    check_line(diglett::LogFormat::Text, text);
    check_line(diglett::LogFormat::Json, text);
    return 0;
}
