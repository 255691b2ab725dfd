#include "base/escape.hpp"

#include <array>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace diglett {
namespace {

constexpr std::string_view kCut = "...";

struct Character {
    std::uint32_t code = 0;
    std::size_t length = 0;  // 0: the first byte is not the start of a valid character
};

struct Form {
    std::size_t length;
    std::uint32_t first_bits;
    std::uint32_t smallest;  // below it the form is overlong (RFC 3629, section 3)
};

Form form_of(std::uint8_t first) {
    if (first >= 0xc2 && first <= 0xdf) {
        return {2, first & 0x1fU, 0x80};
    }
    if (first >= 0xe0 && first <= 0xef) {
        return {3, first & 0x0fU, 0x800};
    }
    if (first >= 0xf0 && first <= 0xf4) {
        return {4, first & 0x07U, 0x10000};
    }
    return {0, 0, 0};
}

/// The character of two to four bytes that `text` starts with, as RFC 3629 has it.
Character wide_character(std::string_view text) {
    const Form form = form_of(static_cast<std::uint8_t>(text.front()));
    if (form.length == 0 || text.size() < form.length) {
        return {};
    }
    std::uint32_t code = form.first_bits;
    for (const char c : text.substr(1, form.length - 1)) {
        const auto byte = static_cast<std::uint8_t>(c);
        if ((byte & 0xc0U) != 0x80U) {
            return {};
        }
        code = (code << 6U) | (byte & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < form.smallest || code > 0x10ffff || surrogate) {
        return {};
    }
    return {code, form.length};
}

bool is_printable_ascii(char c) {
    return c >= 0x20 && c <= 0x7e;
}

/// Appends the escaped first character of `text`. @return how many bytes of `text` it took.
std::size_t append_first(std::string_view text, bool double_backslash, std::string& out) {
    const char first = text.front();
    if (is_printable_ascii(first)) {
        out.append(first == '\\' && double_backslash ? 2 : 1, first);
        return 1;
    }
    const Character wide = wide_character(text);
    if (wide.length == 0) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(first));
        return 1;
    }
    fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", wide.code);
    return wide.length;
}

std::string escape_all(std::string_view text, std::size_t max_bytes, bool double_backslash) {
    DIGLETT_ASSERT(max_bytes >= kCut.size());
    std::string out;
    std::size_t cut_at = 0;  // the last place at which `...` still fits
    while (!text.empty()) {
        if (out.size() + kCut.size() <= max_bytes) {
            cut_at = out.size();
        }
        text.remove_prefix(append_first(text, double_backslash, out));
        if (out.size() > max_bytes) {
            out.resize(cut_at);
            out += kCut;
            break;
        }
    }
    return out;
}

}  // namespace

std::string escape(std::string_view text, std::size_t max_bytes) {
    return escape_all(text, max_bytes, true);
}

std::string escape_line(std::string_view line, std::size_t max_bytes) {
    return escape_all(line, max_bytes, false);
}

}  // namespace diglett
