#include "routing/lease_file.hpp"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace diglett::routing {
namespace {

Lease lease_of(std::string identity, std::uint64_t generation) {
    return {.identity = std::move(identity),
            .generation = {generation},
            .last_port = 41'234,
            .last_used = WallTime(std::chrono::seconds(1'790'000'000)),
            .held = false,
            .reserved = true};
}

TEST(LeaseFile, ReadsWhatItWrites) {
    constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
    const Leases leases{{"blog", lease_of("tokens:alice", 3)},
                        {"shop", lease_of("odd \"quoted\" \\ identity", kLargest)}};
    for (const bool clean : {false, true}) {
        const auto stored = decode_leases(encode_leases(leases, kLargest, clean));
        ASSERT_TRUE(stored) << stored.error().text;
        EXPECT_EQ(stored->leases, leases);
        EXPECT_EQ(stored->last_generation, kLargest);
        EXPECT_EQ(stored->clean, clean);
    }
    const auto empty = decode_leases(encode_leases({}, 0, true));
    ASSERT_TRUE(empty);
    EXPECT_TRUE(empty->leases.empty());
}

TEST(LeaseFile, LeavesOutWhatIsNotReserved) {
    Leases leases{{"blog", lease_of("local", 1)}, {"shop", lease_of("tokens:a", 2)}};
    leases.at("blog").reserved = false;
    const auto stored = decode_leases(encode_leases(leases, 2, true));
    ASSERT_TRUE(stored);
    EXPECT_FALSE(stored->leases.contains("blog"));
    EXPECT_TRUE(stored->leases.contains("shop"));
}

TEST(LeaseFile, StoresTheHolderAsNobody) {
    Leases leases{{"blog", lease_of("tokens:a", 1)}};
    leases.at("blog").held = true;
    const auto stored = decode_leases(encode_leases(leases, 1, false));
    ASSERT_TRUE(stored);
    EXPECT_FALSE(stored->leases.at("blog").held);
}

// The format that an older gateway has left behind stays readable.
TEST(LeaseFile, ReadsVersionOne) {
    const auto stored = decode_leases(
        R"({"version":1,"clean":true,"last_generation":9,"leases":[
            {"name":"blog","identity":"tokens:alice","generation":3,"port":41234,"last_used":1790000000}
        ]})");
    ASSERT_TRUE(stored) << stored.error().text;
    EXPECT_EQ(stored->leases, (Leases{{"blog", lease_of("tokens:alice", 3)}}));
    EXPECT_EQ(stored->last_generation, 9U);
    EXPECT_TRUE(stored->clean);
}

TEST(LeaseFile, RefusesAnythingElse) {
    const std::string good =
        R"({"version":1,"clean":true,"last_generation":9,"leases":[{"name":"blog",)"
        R"("identity":"i","generation":3,"port":1,"last_used":5}]})";
    ASSERT_TRUE(decode_leases(good));

    struct Change {
        std::string part;
        std::string instead;
    };

    const std::vector<Change> changes{
        {good, ""},
        {good, "[]"},
        {good, "null"},
        {good, good + good},
        {"}]}", "}]"},
        {"\"version\":1", "\"version\":2"},
        {"\"version\":1", "\"version\":\"1\""},
        {"\"version\":1,", ""},
        {"\"clean\":true", "\"clean\":1"},
        {"\"last_generation\":9", "\"last_generation\":2"},
        {"\"last_generation\":9", "\"last_generation\":-1"},
        {"\"last_generation\":9", "\"last_generation\":18446744073709551616"},
        {"\"leases\":[", "\"leases\":[1,"},
        {"\"leases\":[", "\"leasez\":["},
        {"\"name\":\"blog\"", "\"name\":\"../x\""},
        {"\"name\":\"blog\"", "\"name\":7"},
        {"\"identity\":\"i\"", "\"identity\":\"\""},
        {"\"identity\":\"i\"", "\"identity\":\"" + std::string(1025, 'i') + "\""},
        {"\"generation\":3", "\"generation\":3.5"},
        {"\"port\":1", "\"port\":65536"},
        {"\"last_used\":5", "\"last_used\":18446744073709551615"},
        {"\"last_used\":5", "\"last_used\":-5"},
        {"}]}", R"(},{"name":"blog","identity":"j","generation":4,"port":1,"last_used":5}]})"},
    };
    for (const auto& [part, instead] : changes) {
        auto text = good;
        const auto at = text.find(part);
        ASSERT_NE(at, std::string::npos) << part;
        text.replace(at, part.size(), instead);
        const auto refused = decode_leases(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().code, Errc::CorruptState) << text;
        EXPECT_FALSE(refused.error().text.empty());
    }
}

TEST(LeaseFile, RefusesEveryTruncation) {
    const auto whole = encode_leases({{"blog", lease_of("tokens:alice", 3)}}, 3, true);
    // Without its last line feed it is still whole.
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
        EXPECT_FALSE(decode_leases(std::string_view(whole).substr(0, size))) << size;
    }
}

}  // namespace
}  // namespace diglett::routing
