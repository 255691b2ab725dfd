#include "base/escape.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace diglett {
namespace {

using namespace std::string_literals;

struct Case {
    std::string text;
    std::string expected;
};

TEST(Escape, LeavesNothingThatATerminalOrALogCouldObey) {
    const std::vector<Case> cases{
        {"", ""},
        {"plain text ~!@#'\"", "plain text ~!@#'\""},
        {"a\nb\r\nc\td", "a\\x0ab\\x0d\\x0ac\\x09d"},
        {"\x1b[2J", "\\x1b[2J"},
        {"nul\0here"s, "nul\\x00here"},
        {"\x7f", "\\x7f"},
        {"back\\slash \\x41", "back\\\\slash \\\\x41"},
        {"\xe2\x80\xae"
         "evil",
         "\\u{202e}evil"},
        {"caf\xc3\xa9", "caf\\u{e9}"},
        {"\xc2\x80\xc2\x85", "\\u{80}\\u{85}"},
        {"\xf0\x9f\x98\x80", "\\u{1f600}"},
        {"\xf4\x8f\xbf\xbf", "\\u{10ffff}"},
        // Not UTF-8 (RFC 3629): overlong, surrogate, too large, cut short, stray, never a byte of
        // it.
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xe2\x80", "\\xe2\\x80"},
        {"\xe2\x80z", "\\xe2\\x80z"},
        {"\x80", "\\x80"},
        {"\xff\xfe", "\\xff\\xfe"},
    };
    for (const auto& [text, expected] : cases) {
        EXPECT_EQ(escape(text), expected);
    }
}

TEST(Escape, CutsBetweenCharactersAndSaysSo) {
    EXPECT_EQ(escape("abcdefgh", 8), "abcdefgh");
    EXPECT_EQ(escape("abcdefghi", 8), "abcde...");
    EXPECT_EQ(escape("abc\n\n", 8), "abc...");
    EXPECT_EQ(escape("\n\n\n", 8), "\\x0a...");
    EXPECT_EQ(escape("abcd", 3), "...");
    EXPECT_EQ(escape(std::string(kMaxEscapedBytes, 'x')), std::string(kMaxEscapedBytes, 'x'));
    EXPECT_EQ(escape(std::string(100'000, '\x1b')).size(), kMaxEscapedBytes - 1);
}

TEST(Escape, KeepsBackslashesOfALine) {
    EXPECT_EQ(escape_line("a\\x0ab\n", 100), "a\\x0ab\\x0a");
}

TEST(Escape, GivesBoundedPrintableAsciiForAnyBytes) {
    std::mt19937 random(20261124);
    for (int round = 0; round < 5'000; ++round) {
        std::string text(random() % 400, '\0');
        std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
        const std::size_t bound = 3 + random() % 300;
        const auto escaped = escape(text, bound);
        EXPECT_LE(escaped.size(), bound);
        EXPECT_TRUE(std::all_of(escaped.begin(), escaped.end(),
                                [](char c) { return c >= 0x20 && c <= 0x7e; }));
    }
}

TEST(Escape, MakesDifferentTextsDifferent) {
    EXPECT_NE(escape("\\x0a"), escape("\n"));
    EXPECT_NE(escape("\\u{e9}"), escape("\xc3\xa9"));
}

}  // namespace
}  // namespace diglett
