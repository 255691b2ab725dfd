#include "registrar/traefik/own_file.hpp"

#include <string>

#include <gtest/gtest.h>

namespace diglett::registrar::traefik {
namespace {

TEST(OwnFile, KnowsItsNames) {
    EXPECT_EQ(own_file_name("a"), "diglett-a.yml");
    for (const std::string name : {"a", "0", "a--b", "yml", "diglett-a"}) {
        EXPECT_EQ(name_of_own_file(own_file_name(name)), name);
    }
}

TEST(OwnFile, TakesNobodyElses) {
    for (const auto* file : {"", "diglett-.yml", "diglett-a.yaml", "diglett-a.YML", "Diglett-a.yml",
                             "diglett-A.yml", "diglett-a.yml~", ".diglett-a.yml", "diglett-a_b.yml",
                             "diglett-a.b.yml", "xdiglett-a.yml", "diglett--a.yml", "diglett.yml",
                             "diglett-a.tmp", "diglett-.yml.yml", "a.yml"}) {
        EXPECT_EQ(name_of_own_file(file), std::nullopt) << file;
    }
}

TEST(OwnFile, KnowsItsContent) {
    EXPECT_TRUE(is_own_route("a", R"({"http":{"routers":{"diglett-a":{}},"services":{}}})"));
    EXPECT_TRUE(is_own_route("a", R"({"tcp":{"routers":{"diglett-a":{}}}})"));
    for (const std::string text :
         {"", "{}", "{half", "[]", "http: {}", R"({"http":{"routers":{"diglett-a":{}}})",
          R"({"http":{"routers":{"diglett-b":{}}}})", R"({"http":{"routers":{}}})",
          R"({"http":{"routers":{"diglett-a":{},"b":{}}}})",
          R"({"http":{"routers":{"diglett-a":{}}},"tcp":{}})",
          R"({"http":{"middlewares":{"diglett-a":{}}}})",
          "http:\n  routers:\n    diglett-a: {}\n"}) {
        EXPECT_FALSE(is_own_route("a", text)) << text;
    }
}

TEST(OwnFile, FindsThePortOfARoute) {
    const auto http = [](std::string url) {
        return R"({"http":{"services":{"diglett-a":{"loadBalancer":{"servers":[{"url":")" + url +
               R"("}]}}}}})";
    };
    EXPECT_EQ(routed_port(http("http://127.0.0.1:10000")), 10000);
    EXPECT_EQ(routed_port(R"({"tcp":{"services":{"x":{"loadBalancer":{"servers":)"
                          R"([{"address":"127.0.0.1:7"}]}}}}})"),
              7);
    for (const auto* url : {"", "http://127.0.0.1:", "http://127.0.0.1:0", "http://127.0.0.1:65536",
                            "http://127.0.0.1:-1", "http://127.0.0.1:80/", "http://10.0.0.1:80",
                            "127.0.0.1:80", "http://127.0.0.1:+80"}) {
        EXPECT_EQ(routed_port(http(url)), std::nullopt) << url;
    }
}

TEST(OwnFile, FindsNoPortInWhatIsNoneOfOurs) {
    for (const std::string text :
         {"", "null", "[]", "{}", "http: {}", R"({"http":1})", R"({"http":{"services":{}}})",
          R"({"http":{"services":{"a":{"loadBalancer":{"servers":[]}}}}})",
          R"({"http":{"services":{"a":{"loadBalancer":{"servers":[1]}}}}})",
          R"({"http":{"services":{"a":{"loadBalancer":{"servers":[{"url":1}]}}}}})"}) {
        EXPECT_EQ(routed_port(text), std::nullopt) << text;
    }
    EXPECT_EQ(routed_port(std::string(100'000, '[')), std::nullopt);
}

}  // namespace
}  // namespace diglett::registrar::traefik
