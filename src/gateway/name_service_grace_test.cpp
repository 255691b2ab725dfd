// NameService: names whose link was lost wait for their agent. (protocol 9.4)
#include <chrono>
#include <random>

#include <gmock/gmock.h>

#include "test/support/blocking_socket.hpp"
#include "test/support/name_service_fixture.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class NameServiceGrace : public test::NameServiceTest {
  protected:
    void SetUp() override {
        ASSERT_TRUE(login(1, "alice", 1));
        const auto claimed = claim(1, 1, "blog");
        ASSERT_TRUE(claimed && publish(1, 1));
        port_ = claimed->port;
    }

    std::shared_ptr<HelperPort> port_;
};

TEST_F(NameServiceGrace, ALostNameStaysPublicAndRefuses) {
    names_.leave(1);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
    EXPECT_THROW(std::ignore = test::connect_to(port_->number()), std::runtime_error);
    tend(59s);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
    tend(61s);
    EXPECT_THAT(plugs_.published, IsEmpty());
    EXPECT_EQ(log_.count("not claimed again in time"), 1U);
}

TEST_F(NameServiceGrace, TheSameIdentityTakesItOverWithTheNextGenerationAndTheSamePort) {
    names_.leave(1);
    ASSERT_TRUE(login(2, "alice", 2));
    const auto claimed = claim(2, 1, "blog");
    ASSERT_TRUE(claimed) << text_of(claimed);
    EXPECT_EQ(claimed->generation.value, 2U);
    EXPECT_EQ(claimed->port->number(), port_->number());
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
    ASSERT_TRUE(publish(2, 1));
    EXPECT_THAT(plugs_.history, ElementsAre("+blog 1", "+blog 2", "-blog 1"));
    EXPECT_NO_THROW(std::ignore = test::connect_to(port_->number()));
    tend(10min);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 2"));
}

TEST_F(NameServiceGrace, ATakeoverKeepsTheRouteToo) {
    ASSERT_TRUE(login(2, "alice", 2));
    ASSERT_TRUE(serve(2, 1, "blog", true));
    EXPECT_THAT(plugs_.history, ElementsAre("+blog 1", "+blog 2", "-blog 1"));
    names_.leave(1);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 2"));
    EXPECT_FALSE(port_->is_listening());
    EXPECT_NO_THROW(std::ignore = test::connect_to(port_->number())) << "at the newer one";
}

TEST_F(NameServiceGrace, AnotherIdentityDoesNotGetIt) {
    ASSERT_TRUE(login(2, "bob"));
    for (const bool takeover : {false, true}) {
        names_.leave(1);
        EXPECT_EQ(code_of(claim(2, 1, "blog", takeover)), Code::NameTaken);
    }
    tend(61s);
    EXPECT_EQ(code_of(claim(2, 1, "blog")), Code::NameTaken) << "it is reserved";
}

TEST_F(NameServiceGrace, IdentitiesThatReserveNothingHaveItToo) {
    ASSERT_TRUE(login(2, "local"));
    ASSERT_TRUE(serve(2, 1, "shop"));
    names_.leave(2);
    ASSERT_TRUE(login(3, "bob"));
    EXPECT_EQ(code_of(claim(3, 1, "shop")), Code::NameTaken);
    ASSERT_TRUE(login(4, "local"));
    ASSERT_TRUE(serve(4, 1, "shop"));
    names_.leave(4);
    tend(61s);
    EXPECT_TRUE(claim(3, 1, "shop"));
}

TEST_F(NameServiceGrace, OrderlyEndsHaveNone) {
    ASSERT_TRUE(serve(1, 2, "shop"));
    names_.release(1, {1});
    EXPECT_THAT(plugs_.published, ElementsAre("shop 2"));
    names_.farewell(1);
    EXPECT_THAT(plugs_.published, IsEmpty());
    names_.leave(1);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

TEST_F(NameServiceGrace, AStopEndsIt) {
    names_.leave(1);
    ASSERT_TRUE(login(2, "bob"));
    ASSERT_TRUE(serve(2, 1, "shop"));
    test::run_coroutine(context_, stop());
    EXPECT_THAT(plugs_.published, ElementsAre("shop 2"));
    names_.leave(2);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

TEST_F(NameServiceGrace, ANameThatWasNeverPublicIsGivenUp) {
    ASSERT_TRUE(login(2, "local"));
    ASSERT_TRUE(claim(2, 1, "shop"));
    names_.leave(2);
    ASSERT_TRUE(login(3, "bob"));
    EXPECT_TRUE(claim(3, 1, "shop"));
}

TEST_F(NameServiceGrace, KeepsTheOldRouteWhileTheNewOneCannotBeMade) {
    names_.leave(1);
    ASSERT_TRUE(login(2, "alice", 2));
    plugs_.registrar_error = Error{Errc::DiskFull, "full"};
    EXPECT_EQ(code_of(serve(2, 1, "blog")), Code::TryLater);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
    EXPECT_THROW(std::ignore = test::connect_to(port_->number()), std::runtime_error);
    plugs_.registrar_error.reset();
    EXPECT_TRUE(serve(2, 2, "blog"));
    EXPECT_THAT(plugs_.published, ElementsAre("blog 3"));
    plugs_.registrar_error = Error{Errc::DiskFull, "full"};
    names_.leave(2);
    ASSERT_TRUE(login(3, "alice", 3));
    EXPECT_EQ(code_of(serve(3, 1, "blog")), Code::TryLater);
    tend(61s);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

/// Two token identities race for one name; nothing is reserved, so that it changes hands.
TEST_F(NameServiceGrace, OfTwoIdentitiesInARaceExactlyOneHasTheNameAtEachInstant) {
    std::mt19937 random(1);
    std::string owner;  // as the history says
    std::size_t changes = 0;
    std::uint64_t last_generation = 0;
    SessionNumber next = 100;
    const std::vector<std::string> racers{"local", "v1"};
    for (int round = 0; round < 1'000; ++round) {
        const SessionNumber first = next++;
        const SessionNumber second = next++;
        const auto turn = random() % 2;
        const std::string& first_is = racers.at(turn);
        const std::string& second_is = racers.at(1 - turn);
        ASSERT_TRUE(login(first, first_is));
        ASSERT_TRUE(login(second, second_is));
        bool second_has_it = false;
        const auto rival = [&]() -> net::Awaitable<void> {
            auto claiming = names_.claim(second, {1}, {.name = "race"});
            second_has_it = (co_await std::move(claiming)).has_value();
        };
        (random() % 2 == 0 ? plugs_.during_authorize : plugs_.during_register) = rival;
        const auto claimed = claim(first, 1, "race");
        const bool first_has_it = claimed.has_value() && publish(first, 1).has_value();
        plugs_.during_authorize = nullptr;
        plugs_.during_register = nullptr;
        ASSERT_FALSE(first_has_it && second_has_it) << round;
        if (first_has_it) {
            ASSERT_GT(claimed->generation.value, last_generation);
            last_generation = claimed->generation.value;
            ASSERT_TRUE(owner.empty() || owner == first_is) << round;
            owner = first_is;
        }
        if (random() % 2 == 0) {
            names_.farewell(first);
            names_.farewell(second);
        }
        names_.leave(first);
        names_.leave(second);
        if (random() % 3 == 0) {
            tend(61s);
        }
        std::set<std::string> mine;
        for (const auto& what : plugs_.published) {
            if (what.starts_with("race ")) {
                mine.insert(what);
            }
        }
        ASSERT_LE(mine.size(), 1U);
        if (mine.empty()) {
            changes += owner.empty() ? 0 : 1;
            owner.clear();
        }
    }
    EXPECT_GT(changes, 100U);
}

}  // namespace
}  // namespace diglett::gateway
