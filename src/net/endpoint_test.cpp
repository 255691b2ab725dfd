#include "net/endpoint.hpp"

#include <gtest/gtest.h>

namespace diglett::net {
namespace {

struct Case {
    std::string_view text;
    Endpoint expected;
};

TEST(ParseEndpoint, ReadsEveryForm) {
    EndpointDefaults defaults;
    defaults.port = 20000;
    const std::vector<Case> cases{
        {"localhost:9000", {.host = "localhost", .port = 9000}},
        {"192.0.2.1:80", {.host = "192.0.2.1", .port = 80}},
        {"[::1]:20001", {.host = "::1", .port = 20001}},
        {"[2001:db8::1]", {.host = "2001:db8::1", .port = 20000}},
        {"2001:db8::1", {.host = "2001:db8::1", .port = 20000}},
        {"gateway.example", {.host = "gateway.example", .port = 20000}},
        {"8080", {.host = "localhost", .port = 8080}},
        {"a_b-c.d:65535", {.host = "a_b-c.d", .port = 65535}},
        {"unix:/run/app.sock", {.unix_path = "/run/app.sock"}},
        {"unix:relative", {.unix_path = "relative"}},
    };
    for (const auto& [text, expected] : cases) {
        const auto endpoint = parse_endpoint(text, defaults);
        ASSERT_TRUE(endpoint) << text << ": " << endpoint.error().text;
        EXPECT_EQ(*endpoint, expected) << text;
        const auto again = parse_endpoint(to_string(*endpoint), defaults);
        ASSERT_TRUE(again) << to_string(*endpoint);
        EXPECT_EQ(*again, expected);
    }
}

TEST(ParseEndpoint, RefusesTheRestAndQuotesIt) {
    const std::string long_path = "unix:" + std::string(108, 'p');
    const std::string long_host = std::string(254, 'h') + ":1";
    const std::vector<std::string_view> texts{
        "",         ":80",         "host",     "host:",     "host:0",         "host:65536",
        "host:-1",  "host:+1",     "host:8a",  "0",         "65536",          "::1",
        "[::1]",    "[::1",        "[::1]80",  "[host]:80", "[127.0.0.1]:80", "1:2:3",
        "ho st:80", "http://h:80", "host:80/", "unix:",     long_path,        long_host,
        "\x01:80",  "host: 80"};
    for (const auto text : texts) {
        const auto endpoint = parse_endpoint(text);
        ASSERT_FALSE(endpoint) << text;
        EXPECT_EQ(endpoint.error().code, Errc::InvalidUsage);
        EXPECT_NE(endpoint.error().text.find(text), std::string::npos) << endpoint.error().text;
        EXPECT_NE(endpoint.error().text.find("HOST:PORT"), std::string::npos)
            << endpoint.error().text;
    }
}

TEST(ParseEndpoint, TakesPortZeroAndNoUnixSocketForListening) {
    EndpointDefaults listening;
    listening.allow_unix = false;
    listening.allow_port_zero = true;
    EXPECT_TRUE(parse_endpoint("127.0.0.1:0", listening));
    EXPECT_TRUE(parse_endpoint("*:0", listening));
    EXPECT_FALSE(parse_endpoint("unix:/run/app.sock", listening));
}

}  // namespace
}  // namespace diglett::net
