#include "registrar/traefik/host_name.hpp"

#include <string>

#include <gtest/gtest.h>

namespace diglett::registrar::traefik {
namespace {

TEST(HostName, TakesLabels) {
    for (const auto* label :
         {"a", "0", "example", "a--b", "on", "null", "12345", "xn--bcher-kva"}) {
        EXPECT_TRUE(is_host_label(label)) << label;
    }
    EXPECT_TRUE(is_host_label(std::string(63, 'a')));
}

TEST(HostName, RefusesWhatIsNoLabel) {
    for (const auto* text : {"", "-a", "a-", "A", "a.b", "a_b", "a b", "a/b", "..", "a`b", "{{a}}",
                             "b\xC3\xBC"
                             "cher",
                             "a\n", "a%", "*"}) {
        EXPECT_FALSE(is_host_label(text)) << text;
    }
    EXPECT_FALSE(is_host_label(std::string(64, 'a')));
    EXPECT_FALSE(is_host_label(std::string("a\0b", 3)));
}

TEST(HostName, TakesDomains) {
    for (const auto* domain : {"localhost", "gateway.com", "gent01.dev.grid.tf", "1.x"}) {
        EXPECT_TRUE(is_domain(domain)) << domain;
    }
}

TEST(HostName, RefusesWhatIsNoDomain) {
    for (const auto* text :
         {"", ".", ".com", "com.", "a..b", "*.com", "Gateway.com", "gateway.com.", "127.0.0.1",
          "a.1", "gate way.com", "gateway.com:443", "a.`b`.c"}) {
        EXPECT_FALSE(is_domain(text)) << text;
    }
    std::string longest = "a";
    while (longest.size() < kMaxHostBytes) {
        longest = "a." + longest;
    }
    EXPECT_TRUE(is_domain(longest));
    EXPECT_FALSE(is_domain("a." + longest));
}

}  // namespace
}  // namespace diglett::registrar::traefik
