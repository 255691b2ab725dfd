#include "auth/grid/chain/node_url.hpp"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace diglett::auth::grid {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(NodeUrl, ReadsTheFourSchemes) {
    struct Case {
        std::string_view text;
        NodeUrl url;
    };

    for (const auto& [text, url] : {
             Case{"wss://tfchain.grid.tf",
                  {true, true, {.host = "tfchain.grid.tf", .port = 443}, "/"}},
             Case{"ws://127.0.0.1:9944", {true, false, {.host = "127.0.0.1", .port = 9944}, "/"}},
             Case{"https://a.b/ws?x=1", {false, true, {.host = "a.b", .port = 443}, "/ws?x=1"}},
             Case{"http://[::1]/", {false, false, {.host = "::1", .port = 80}, "/"}},
             Case{"wss://a:1?x", {true, true, {.host = "a", .port = 1}, "/?x"}},
         }) {
        const auto read = parse_node_url(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(*read, url) << text;
        EXPECT_EQ(parse_node_url(to_string(*read)), *read) << text;
    }
    EXPECT_EQ(to_string(*parse_node_url("wss://tfchain.grid.tf/")), "wss://tfchain.grid.tf:443");
}

TEST(NodeUrl, KeepsPathsOutOfLogs) {
    EXPECT_EQ(label_of(*parse_node_url("wss://a/secret")), "wss://a:443/...");
    EXPECT_EQ(label_of(*parse_node_url("wss://a?secret")), "wss://a:443/...");
    EXPECT_EQ(label_of(*parse_node_url("wss://a/")), "wss://a:443");
}

TEST(NodeUrl, RefusesWhatIsNone) {
    for (const std::string_view text :
         {"", "tfchain.grid.tf", "ftp://a", "WSS://a", "wss:/a", "wss://", "wss:///x", "wss://a:0",
          "wss://a:65536", "wss://:1", "wss://unix:/x", "wss://u@a", "wss://a/x y", "wss://a#x",
          "wss://a/#x", "wss://a\r\nb", "wss://a/\r\nb"}) {
        const auto read = parse_node_url(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, Errc::InvalidUsage);
    }
}

TEST(NodeUrl, KeepsAKeyOutOfTheWordsAboutAMistypedUrl) {
    for (const std::string_view text :
         {"wss//host/KEY", "wss:/host/KEY", "wss:host/KEY", "host/KEY", "host:9944/KEY",
          "Wss://host/KEY", "wss://host/KEY x", "wss://host/#KEY", "wss://host?KEY#",
          "wss://host#KEY", "wss://host:0/KEY", "wss://user:KEY@host", "KEY@host",
          "wss:\\\\host\\KEY", "wss:///KEY", "//host/KEY"}) {
        const auto read = parse_node_url(text);
        ASSERT_FALSE(read) << text;
        EXPECT_THAT(read.error().text, Not(HasSubstr("KEY"))) << text;
    }
    EXPECT_THAT(parse_node_url("ftp://host:9944/KEY").error().text,
                HasSubstr("'ftp://host:9944...'"));
    EXPECT_THAT(parse_node_url("tfchain.grid.tf").error().text, HasSubstr("'tfchain.grid.tf'"));
}

TEST(NodeUrl, KnowsWhereOthersCanReadAlong) {
    EXPECT_TRUE(is_open_to_others(*parse_node_url("ws://tfchain.grid.tf")));
    EXPECT_TRUE(is_open_to_others(*parse_node_url("http://192.0.2.1")));
    EXPECT_FALSE(is_open_to_others(*parse_node_url("wss://tfchain.grid.tf")));
    for (const std::string_view text :
         {"ws://127.0.0.1:9944", "http://[::1]", "ws://localhost:9944"}) {
        EXPECT_FALSE(is_open_to_others(*parse_node_url(text))) << text;
    }
}

}  // namespace
}  // namespace diglett::auth::grid
