#include "net/address.hpp"

#include <gtest/gtest.h>

#include "net/sockaddr.hpp"

namespace diglett::net {
namespace {

TEST(Address, KeepsItsTextThroughTheSystemsForm) {
    for (const std::string_view host :
         {"127.0.0.1", "192.0.2.255", "::1", "2001:db8::1", "fe80::1"}) {
        const auto address = parse_address(host, 8080);
        ASSERT_TRUE(address) << host;
        EXPECT_EQ(host_of(*address), host);
        EXPECT_EQ(from_sockaddr(to_sockaddr(*address)), *address);
    }
    EXPECT_EQ(to_string(*parse_address("::1", 80)), "[::1]:80");
    EXPECT_EQ(to_string(*parse_address("192.0.2.1", 80)), "192.0.2.1:80");
}

TEST(Address, ShowsIpv4SeenThroughIpv6AsIpv4) {
    EXPECT_EQ(to_string(from_sockaddr(to_sockaddr(*parse_address("::ffff:192.0.2.1", 80)))),
              "192.0.2.1:80");
}

TEST(Address, KnowsLoopback) {
    for (const std::string_view host : {"127.0.0.1", "127.9.9.9", "::1"}) {
        EXPECT_TRUE(parse_address(host, 1)->is_loopback()) << host;
    }
    for (const std::string_view host : {"128.0.0.1", "0.0.0.0", "::", "::2", "2001::1"}) {
        EXPECT_FALSE(parse_address(host, 1)->is_loopback()) << host;
    }
    EXPECT_FALSE(Address{}.is_loopback());
}

TEST(Address, KnowsWhatStandsForAllAddresses) {
    for (const std::string_view host : {"0.0.0.0", "::"}) {
        EXPECT_TRUE(parse_address(host, 1)->is_unspecified()) << host;
    }
    for (const std::string_view host : {"0.0.0.1", "127.0.0.1", "::1"}) {
        EXPECT_FALSE(parse_address(host, 1)->is_unspecified()) << host;
    }
    EXPECT_FALSE(Address{}.is_unspecified());
}

TEST(Address, IsOnlyFigures) {
    for (const std::string_view host :
         {"", "localhost", "127.1", "256.0.0.1", "::1%lo", "[::1]", "1.2.3.4 "}) {
        EXPECT_FALSE(parse_address(host, 1)) << host;
    }
}

}  // namespace
}  // namespace diglett::net
