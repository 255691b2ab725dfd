// The names of one session, by a clock that the test holds. (protocol 2.6, 2.11, 9.3)
#include "agent/registrations.hpp"

#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/limits.hpp"

namespace diglett::agent {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

std::vector<Service> services(std::size_t count) {
    std::vector<Service> made(count);
    for (std::size_t i = 0; i < count; ++i) {
        made[i].name = fmt::format("name{}", i);
    }
    return made;
}

/// Everything that may be asked for at `now`.
std::vector<Registrations::Request> all(Registrations& names, TimePoint now) {
    std::vector<Registrations::Request> asked;
    while (const auto request = names.next(now)) {
        asked.push_back(*request);
    }
    return asked;
}

TEST(Registrations, AsksForNoMoreThanMayBeUnanswered) {
    const auto many = services(2 * kMaxUnansweredRegisters + 1);
    Registrations names(many);
    const auto first = all(names, kStart);
    ASSERT_EQ(first.size(), kMaxUnansweredRegisters);
    EXPECT_EQ(first.front().id, RegistrationId{1});
    EXPECT_EQ(first.back().service, &many[kMaxUnansweredRegisters - 1]);
    EXPECT_EQ(names.next_at(), kNever);
    names.on_welcome(kStart);
    EXPECT_EQ(names.on_ok({1}), &many[0]);
    EXPECT_EQ(names.on_error({2}), &many[1]);
    EXPECT_LE(names.next_at(), kStart);
    const auto second = all(names, kStart);
    ASSERT_EQ(second.size(), 2U);
    EXPECT_EQ(second.back().id, RegistrationId{kMaxUnansweredRegisters + 2});
    EXPECT_EQ(second.back().service, &many[kMaxUnansweredRegisters + 1]);
}

TEST(Registrations, ANameTakenAwayMakesNoRoomTwice) {
    const auto many = services(kMaxUnansweredRegisters + 3);
    Registrations names(many);
    ASSERT_EQ(all(names, kStart).size(), kMaxUnansweredRegisters);
    ASSERT_TRUE(names.on_ok({1}));
    ASSERT_EQ(all(names, kStart).size(), 1U);
    ASSERT_TRUE(names.on_error({1}));
    EXPECT_TRUE(all(names, kStart).empty());
}

TEST(Registrations, AnAnswerIsDue25SecondsAfterWelcomeOrAfterItsRegister) {
    const auto two = services(2);
    Registrations names(two);
    ASSERT_EQ(all(names, kStart).size(), 2U);
    EXPECT_EQ(names.answer_by(), kNever) << "the answer to Login is due first";
    names.on_welcome(kStart + 7s);
    EXPECT_EQ(names.answer_by(), kStart + 32s);
    ASSERT_TRUE(names.on_ok({1}));
    EXPECT_EQ(names.answer_by(), kStart + 32s);
    ASSERT_TRUE(names.on_error({2}));
    EXPECT_EQ(names.answer_by(), kNever);
    names.ask_again(two[1], kStart + 40s);
    ASSERT_EQ(all(names, kStart + 41s).size(), 1U);
    EXPECT_EQ(names.answer_by(), kStart + 66s);
}

TEST(Registrations, ANameThatHasToWaitIsAskedForInItsTimeUnderANewNumber) {
    const auto one = services(1);
    Registrations names(one);
    ASSERT_EQ(all(names, kStart).size(), 1U);
    ASSERT_TRUE(names.on_error({1}));
    EXPECT_TRUE(names.empty());
    names.ask_again(one[0], kStart + 300ms);
    EXPECT_FALSE(names.empty());
    EXPECT_EQ(names.next_at(), kStart + 300ms);
    EXPECT_FALSE(names.next(kStart + 299ms));
    const auto again = names.next(kStart + 300ms);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->id, RegistrationId{2});
    EXPECT_EQ(names.next_at(), kNever);
}

TEST(Registrations, NothingIsAskedForOnceTheSessionEnds) {
    const auto two = services(2);
    Registrations names(two);
    ASSERT_TRUE(names.next(kStart));
    names.stop_asking();
    EXPECT_FALSE(names.next(kStart));
    EXPECT_EQ(names.next_at(), kNever);
    ASSERT_TRUE(names.on_error({1}));
    EXPECT_FALSE(names.empty()) << "the other name is left for the next session";
}

TEST(Registrations, KnowsWhichAnswersCanBe) {
    const auto one = services(1);
    Registrations names(one);
    EXPECT_FALSE(names.on_ok({1}));
    EXPECT_FALSE(names.on_error({1}));
    ASSERT_TRUE(names.next(kStart));
    EXPECT_EQ(names.find({1}), &one[0]);
    EXPECT_TRUE(names.on_ok({1}));
    EXPECT_FALSE(names.on_ok({1}));
    EXPECT_TRUE(names.on_error({1}));
    EXPECT_FALSE(names.on_error({1}));
    EXPECT_FALSE(names.find({1}));
}

}  // namespace
}  // namespace diglett::agent
