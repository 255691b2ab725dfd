// NameService: names whose link was lost wait for their agent. (protocol 9.4)
#include <algorithm>
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

/// Two identities race for one name; nothing is reserved, so that it changes hands. The history of
/// what was public shows at each instant one owner at most: generations overlap only of one.
TEST_F(NameServiceGrace, OfTwoIdentitiesInARaceExactlyOneHasTheNameAtEachInstant) {
    std::mt19937 random(1);
    std::map<std::string, std::string> owners;  // by "+race GENERATION"
    SessionNumber next = 100;
    plugs_.history.clear();
    const auto try_it = [&](SessionNumber number, std::string who) -> net::Awaitable<void> {
        auto claiming = names_.claim(number, {1}, {.name = "race"});
        const auto claimed = co_await std::move(claiming);
        if (claimed) {
            owners.emplace(fmt::format("+race {}", claimed->generation.value), who);
            auto publishing = names_.publish(number, {1});
            std::ignore = co_await std::move(publishing);
        }
    };
    for (int round = 0; round < 1'000; ++round) {
        const SessionNumber first = next++;
        const SessionNumber second = next++;
        std::vector<std::string> racers{"local", "v1"};
        std::ranges::shuffle(racers, random);
        ASSERT_TRUE(login(first, racers[0]) && login(second, racers[1]));
        // The second tries in the midst of the first, or after it.
        const auto rival = [&]() -> net::Awaitable<void> {
            auto trying = try_it(second, racers[1]);
            co_await std::move(trying);
        };
        (random() % 2 == 0 ? plugs_.during_authorize : plugs_.during_register) = rival;
        test::run_coroutine(context_, try_it(first, racers[0]));
        plugs_.during_authorize = nullptr;
        plugs_.during_register = nullptr;
        test::run_coroutine(context_, try_it(second, racers[1]));
        for (const auto number : {first, second}) {
            if (random() % 2 == 0) {
                names_.farewell(number);
            }
            names_.leave(number);
        }
        if (random() % 3 == 0) {
            tend(61s);
        }
    }
    std::multiset<std::string> living;  // owners
    std::string last;
    std::size_t changes = 0;
    for (const auto& event : plugs_.history) {
        if (!event.substr(1).starts_with("race ")) {
            continue;
        }
        const std::string& owner = owners.at("+" + event.substr(1));
        if (event.front() == '-') {
            living.erase(living.find(owner));
            continue;
        }
        living.insert(owner);
        ASSERT_EQ(living.count(owner), living.size()) << event;
        changes += owner == last ? 0 : 1;
        last = owner;
    }
    EXPECT_GT(changes, 200U);
    EXPECT_GT(owners.size(), 500U);
}

}  // namespace
}  // namespace diglett::gateway
