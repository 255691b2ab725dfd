#include "gateway/admission.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace diglett::gateway {
namespace {

class AdmissionTest : public testing::Test {
  protected:
    Admission::Ticket enter(const std::string& source) {
        const int number = next_++;
        return admission_.enter(source, [this, number] { evicted_.push_back(number); });
    }

    Admission admission_{Admission::Options{.max_total = 4, .max_per_source = 3}};
    std::vector<int> evicted_;
    int next_ = 0;
};

TEST_F(AdmissionTest, EvictsTheOldestOfASourceThatHasItsShare) {
    for (int i = 0; i < 4; ++i)
        enter("a");
    EXPECT_EQ(evicted_, std::vector<int>{0});
    EXPECT_EQ(admission_.size(), 3U);
}

TEST_F(AdmissionTest, EvictsTheOldestOfTheFullestSourceWhenAllPlacesAreTaken) {
    enter("b");
    for (int i = 0; i < 3; ++i)
        enter("a");
    enter("c");
    EXPECT_EQ(evicted_, std::vector<int>{1});
    EXPECT_EQ(admission_.size(), 4U);
}

TEST_F(AdmissionTest, EvictsWhoHasWaitedLongestWhenSourcesHaveEquallyMany) {
    for (const char* source : {"a", "b", "c", "d", "e", "f", "g", "h"})
        enter(source);
    EXPECT_EQ(evicted_, (std::vector<int>{0, 1, 2, 3}));
}

TEST(AdmissionSource, IsTheHostOrTheNetworkOfIPv6) {
    const auto source = [](const char* host) {
        return source_of(net::parse_address(host, 1234).value());
    };
    EXPECT_EQ(source("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(source("2001:db8::1"), source("2001:db8::ffff:1:2:3"));
    EXPECT_NE(source("2001:db8::1"), source("2001:db8:0:1::1"));
}

TEST_F(AdmissionTest, AConnectionThatLeftIsNotEvicted) {
    const auto first = enter("a");
    enter("a");
    admission_.leave(first);
    enter("a");
    enter("a");
    EXPECT_TRUE(evicted_.empty());
    enter("a");
    EXPECT_EQ(evicted_, std::vector<int>{1});
}

TEST_F(AdmissionTest, LeavingTwiceIsHarmless) {
    const auto ticket = enter("a");
    admission_.leave(ticket);
    admission_.leave(ticket);
    EXPECT_EQ(admission_.size(), 0U);
}

}  // namespace
}  // namespace diglett::gateway
