#include "wire/text.hpp"

#include <gtest/gtest.h>

namespace diglett::wire {
namespace {

TEST(ClipText, KeepsValidTextAndMarksTheRest) {
    const struct {
        std::string_view text, clipped;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\u00e4\u20ac\U0001f600", "\u00e4\u20ac\U0001f600"},
        {"a\xff\x62", "a?b"},
        {"\x80", "?"},
        {"\xc0\xaf", "??"},            // overlong
        {"\xe0\x80\x80", "???"},       // overlong
        {"\xed\xa0\x80", "???"},       // surrogate
        {"\xf4\x90\x80\x80", "????"},  // above U+10FFFF
        {"\xf0\x9f\x98", "???"},       // cut off
        {"\xf0\x9f\x98(",
         "??"
         "?("},  // broken off
        {"\xf5\xbf\xbf\xbf", "????"},
    };

    for (const auto& row : cases) {
        EXPECT_EQ(clip_text(row.text, 200), row.clipped);
    }
}

TEST(ClipText, CutsBetweenCharacters) {
    EXPECT_EQ(clip_text("abc", 2), "ab");
    EXPECT_EQ(clip_text("abc", 0), "");
    EXPECT_EQ(clip_text("a\u20acb", 3), "a");
    EXPECT_EQ(clip_text("a\u20acb", 4), "a\u20ac");
}

}  // namespace
}  // namespace diglett::wire
