#include "wire/text.hpp"

#include <algorithm>

namespace diglett::wire {

namespace {

struct LeadByte {
    unsigned char first, last;  // range of the lead byte
    std::size_t bytes;          // of the whole character
    unsigned char low, high;    // range of the second byte
};

// Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF.
constexpr LeadByte kLeadBytes[] = {
    {0x00, 0x7f, 1, 0x80, 0xbf}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/// Bytes of the character at the start of `text`, 0 when it is not valid. @pre not empty.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto* const lead = std::ranges::find_if(kLeadBytes, [&](const LeadByte& range) {
        return byte(0) >= range.first && byte(0) <= range.last;
    });
    if (lead == std::end(kLeadBytes) || text.size() < lead->bytes) {
        return 0;
    }
    for (std::size_t i = 1; i < lead->bytes; ++i) {
        const bool second = i == 1;
        if (byte(i) < (second ? lead->low : 0x80) || byte(i) > (second ? lead->high : 0xbf)) {
            return 0;
        }
    }
    return lead->bytes;
}

}  // namespace

std::string clip_text(std::string_view text, std::size_t max_bytes) {
    std::string clipped;
    while (!text.empty()) {
        const auto bytes = character_bytes(text);
        const auto character = bytes > 0 ? text.substr(0, bytes) : std::string_view("?");
        if (clipped.size() + character.size() > max_bytes) {
            break;
        }
        clipped += character;
        text.remove_prefix(std::max<std::size_t>(bytes, 1));
    }
    return clipped;
}

}  // namespace diglett::wire
