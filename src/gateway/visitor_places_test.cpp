#include "gateway/visitor_places.hpp"

#include <gtest/gtest.h>

namespace diglett::gateway {
namespace {

TEST(VisitorPlaces, AreGivenBack) {
    VisitorPlaces places(1, 4);
    auto place = places.take();
    EXPECT_TRUE(place);
    EXPECT_TRUE(places.full());
    EXPECT_FALSE(places.take());
    place.reset();
    EXPECT_FALSE(places.full());
    EXPECT_TRUE(places.take());
}

TEST(VisitorPlaces, CountWhatIsOpenInAnyCase) {
    VisitorPlaces places(3, 4);
    places.set_aside(2);
    auto carrier = places.occupy();
    EXPECT_TRUE(places.full());
    EXPECT_FALSE(places.take());
    const auto another = places.occupy();
    EXPECT_TRUE(another);
    carrier.reset();
    EXPECT_TRUE(places.full()) << "there was one more than the limit";
}

TEST(VisitorPlaces, LetPortsHaveHalfOfTheReserve) {
    VisitorPlaces places(1, 4);
    const auto visitor = places.take();
    const auto first = places.take_for_port();
    const auto second = places.take_for_port();
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(places.take_for_port());
    EXPECT_TRUE(places.occupy());
}

}  // namespace
}  // namespace diglett::gateway
