#include "app/duration.hpp"

#include <gtest/gtest.h>

namespace diglett::app {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, ReadsEachUnit) {
    EXPECT_EQ(parse_duration("x", "500ms"), 500ms);
    EXPECT_EQ(parse_duration("x", "30s"), 30s);
    EXPECT_EQ(parse_duration("x", "10m"), 10min);
    EXPECT_EQ(parse_duration("x", "24h"), 24h);
    EXPECT_EQ(parse_duration("x", "0s"), 0ms);
}

TEST(ParseDuration, RefusesAnythingElseAndNamesTheKey) {
    for (const auto* text :
         {"", "30", "s", "-1s", "1.5s", "1 s", "30sec", "9000h", "99999999999999999999s"}) {
        const auto parsed = parse_duration("drain-timeout", text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Errc::InvalidConfig);
        EXPECT_NE(parsed.error().text.find("drain-timeout"), std::string::npos);
    }
}

}  // namespace
}  // namespace diglett::app
