// Helper ports: who gets which, and that nobody else has one that rests.
#include "gateway/helper_ports.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/blocking_socket.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::gateway {
namespace {

using namespace std::chrono_literals;

/// How a connection to `port` goes.
enum class Visit : std::uint8_t { Taken, Refused };

Visit visit(std::uint16_t port) {
    try {
        std::ignore = test::connect_to(port);
        return Visit::Taken;
    } catch (const std::runtime_error&) {
        return Visit::Refused;
    }
}

/// As another program would bind it. @return errno, or 0.
int bind_as_stranger(std::uint16_t port, bool shared, UniqueFd& socket) {
    socket = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int value = shared ? 1 : 0;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    return ::bind(socket.get(), raw, sizeof address) == 0 ? 0 : errno;
}

class HelperPortsTest : public testing::Test {
  protected:
    /// Four ports that nobody uses, if nothing else takes them in this moment.
    static std::uint16_t free_range() {
        static std::atomic<std::uint16_t> next{
            static_cast<std::uint16_t>(20'000 + 8 * (getpid() % 1'000))};
        while (true) {
            const std::uint16_t low = next.fetch_add(4);
            UniqueFd probe;
            bool free = true;
            for (std::uint16_t port = low; port < low + 4; ++port) {
                free = free && bind_as_stranger(port, false, probe) == 0;
            }
            if (free) {
                return low;
            }
        }
    }

    std::shared_ptr<HelperPort> take(const std::string& name, std::uint16_t last = 0) {
        auto taken = ports_.take(name, last);
        return taken ? *taken : nullptr;
    }

    test::LogCapture log_;
    const std::uint16_t low_ = free_range();
    VisitorPlaces places_{100, 100};
    HelperPorts ports_{{.low = low_, .high = static_cast<std::uint16_t>(low_ + 3), .rest = 10min},
                       places_,
                       log_.logger()};
};

TEST_F(HelperPortsTest, ListensOnlyWhenTold) {
    const auto port = take("blog");
    ASSERT_TRUE(port);
    EXPECT_EQ(visit(port->number()), Visit::Refused);
    {
        const auto listening = port->listen();
        ASSERT_TRUE(listening);
        EXPECT_EQ(visit(port->number()), Visit::Taken);
        EXPECT_TRUE(port->is_listening());
    }
    EXPECT_EQ(visit(port->number()), Visit::Taken) << "only refuse() ends it";
    port->refuse();
    EXPECT_EQ(visit(port->number()), Visit::Refused);
    EXPECT_FALSE(port->is_listening());
    const auto again = port->listen();
    ASSERT_TRUE(again);
    auto visitor = test::connect_to(port->number());
    const UniqueFd accepted(::accept(again->get(), nullptr, nullptr));
    EXPECT_TRUE(accepted);
}

/// A visitor may come before anybody accepts, while the name is still being published.
/// (protocol 6.4)
TEST_F(HelperPortsTest, WhoeverComesEarlyIsResetOnCloseToo) {
    const auto port = take("blog");
    const auto listening = port->listen();
    ASSERT_TRUE(listening);
    auto visitor = test::connect_to(port->number());
    UniqueFd accepted(::accept(listening->get(), nullptr, nullptr));
    ASSERT_TRUE(accepted);
    accepted.reset();
    EXPECT_EQ(visitor.receive_all().ending, test::Ending::Reset);
}

TEST_F(HelperPortsTest, ResetsWhoWaitedWhenItRefuses) {
    const auto port = take("blog");
    const auto listening = port->listen();
    ASSERT_TRUE(listening);
    auto visitor = test::connect_to(port->number());
    port->refuse();
    EXPECT_EQ(visitor.receive_all().ending, test::Ending::Reset);
    EXPECT_EQ(::accept(listening->get(), nullptr, nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(HelperPortsTest, AnOlderOneChangesNothingForTheNewerOfItsName) {
    auto older = take("blog");
    ASSERT_TRUE(older->listen());
    const auto newer = take("blog");
    ASSERT_EQ(newer->number(), older->number());
    EXPECT_TRUE(older->is_listening());
    ASSERT_TRUE(newer->listen());
    EXPECT_FALSE(older->is_listening());
    older->refuse();
    EXPECT_EQ(visit(newer->number()), Visit::Taken);
    older.reset();
    EXPECT_EQ(visit(newer->number()), Visit::Taken);
}

TEST_F(HelperPortsTest, ARestingPortIsBoundAndRefuses) {
    auto port = take("blog");
    const auto number = port->number();
    ASSERT_TRUE(port->listen());
    port.reset();
    EXPECT_EQ(visit(number), Visit::Refused);
    for (const bool shared : {false, true}) {
        UniqueFd stranger;
        EXPECT_EQ(bind_as_stranger(number, shared, stranger), EADDRINUSE) << shared;
    }
    EXPECT_EQ(ports_.bound_count(), 1U);
}

TEST_F(HelperPortsTest, NobodyElseBindsAPortThatNeverListened) {
    const auto port = take("blog");
    ports_.take_leftover("old", static_cast<std::uint16_t>(low_ + 2));
    for (const auto number : {port->number(), static_cast<std::uint16_t>(low_ + 2)}) {
        UniqueFd stranger;
        EXPECT_EQ(bind_as_stranger(number, true, stranger), EADDRINUSE) << number;
    }
}

TEST_F(HelperPortsTest, ANameHasItsPortBackAtOnceAndAnotherTheOneFreeLongest) {
    std::vector<std::uint16_t> had;
    for (const auto* name : {"a", "b"}) {
        had.push_back(take(name)->number());
    }
    EXPECT_EQ(had, (std::vector<std::uint16_t>{low_, static_cast<std::uint16_t>(low_ + 1)}));
    EXPECT_EQ(take("a")->number(), had[0]) << "it rests for a alone";
    EXPECT_EQ(take("c", had[0])->number(), low_ + 2) << "although it wants another";
    ports_.free_rested(Clock::now() + 11min);
    EXPECT_EQ(ports_.bound_count(), 0U);
    EXPECT_EQ(take("d")->number(), low_ + 3);
    EXPECT_EQ(take("e")->number(), had[0]);
    EXPECT_EQ(take("b", had[1])->number(), had[1]) << "nobody has had it since";
}

TEST_F(HelperPortsTest, TheRestBeginsWhenTheLastHoldIsGone) {
    auto first = take("blog");
    auto second = take("blog");
    const std::shared_ptr<void> hold = std::exchange(second, nullptr);
    first.reset();
    ports_.free_rested(Clock::now() + 1h);
    EXPECT_EQ(ports_.bound_count(), 1U) << "somebody holds it";
    EXPECT_NE(take("other")->number(), low_);
}

TEST_F(HelperPortsTest, NoneIsLeftWhileAllRest) {
    for (const auto* name : {"a", "b", "c", "d"}) {
        ASSERT_TRUE(take(name));
    }
    const auto none = ports_.take("e", 0);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::LimitReached);
    EXPECT_EQ(log_.count("in use or at rest"), 1U);
    EXPECT_TRUE(take("a"));
    ports_.free_rested(Clock::now() + 9min);
    EXPECT_FALSE(take("e"));
    ports_.free_rested(Clock::now() + 11min);
    EXPECT_TRUE(take("e"));
}

TEST_F(HelperPortsTest, SkipsPortsInUseElsewhere) {
    UniqueFd stranger;
    ASSERT_EQ(bind_as_stranger(low_, false, stranger), 0);
    ASSERT_EQ(::listen(stranger.get(), 1), 0);
    EXPECT_EQ(take("a", low_)->number(), low_ + 1);
    EXPECT_EQ(take("b")->number(), low_ + 2);
    EXPECT_EQ(take("c")->number(), low_ + 3);
    EXPECT_FALSE(take("d"));
    stranger.reset();
    EXPECT_EQ(take("d")->number(), low_);
}

TEST_F(HelperPortsTest, ALeftoverRestsForItsNameAlone) {
    const auto left = static_cast<std::uint16_t>(low_ + 1);
    ports_.take_leftover("blog", left);
    ports_.take_leftover("blog", left);
    ports_.take_leftover("far", 1);
    EXPECT_EQ(ports_.bound_count(), 1U);
    EXPECT_EQ(take("a")->number(), low_);
    EXPECT_EQ(take("b", left)->number(), low_ + 2);
    EXPECT_EQ(take("blog")->number(), left);
    EXPECT_EQ(visit(left), Visit::Refused);
}

TEST_F(HelperPortsTest, ALeftoverThatCannotBeBoundGoesToNoOtherNameEither) {
    UniqueFd stranger;
    ASSERT_EQ(bind_as_stranger(low_, false, stranger), 0);
    ASSERT_EQ(::listen(stranger.get(), 1), 0);
    ports_.take_leftover("blog", low_);
    EXPECT_EQ(log_.count("cannot be bound"), 1U);
    const auto elsewhere = take("blog");
    ASSERT_TRUE(elsewhere) << "its name can do without";
    EXPECT_EQ(elsewhere->number(), low_ + 1);
    stranger.reset();
    std::vector<std::shared_ptr<HelperPort>> taken;
    for (const auto* name : {"a", "b"}) {
        taken.push_back(take(name, low_));
        ASSERT_TRUE(taken.back());
        EXPECT_NE(taken.back()->number(), low_) << name;
    }
    EXPECT_FALSE(take("c", low_));
    ports_.free_rested(Clock::now() + 9min);
    EXPECT_FALSE(take("c"));
    ports_.free_rested(Clock::now() + 11min);
    EXPECT_EQ(take("c")->number(), low_);
}

TEST_F(HelperPortsTest, ANameHasItsLeftoverAsSoonAsItCanBeBound) {
    UniqueFd stranger;
    ASSERT_EQ(bind_as_stranger(low_, false, stranger), 0);
    ASSERT_EQ(::listen(stranger.get(), 1), 0);
    ports_.take_leftover("blog", low_);
    EXPECT_EQ(ports_.bound_count(), 0U);
    stranger.reset();
    EXPECT_EQ(take("blog", low_)->number(), low_);
    EXPECT_EQ(ports_.bound_count(), 1U);
    EXPECT_EQ(visit(low_), Visit::Refused);
}

class HelperPortsRestart : public HelperPortsTest {
  protected:
    /// The gateway's next run, its wall clock not changed.
    std::unique_ptr<HelperPorts> start(Duration rest = 10min) {
        auto ports = std::make_unique<HelperPorts>(
            HelperPorts::Options{
                .low = low_, .high = static_cast<std::uint16_t>(low_ + 1), .rest = rest},
            places_, log_.logger(), routing::PortFile::open(file_, log_.logger()).value());
        ports->restore();
        return ports;
    }

    /// As another program, or a crash, finds it.
    [[nodiscard]] routing::StoredPorts stored() const {
        return routing::PortFile::open(file_, log_.logger()).value().found();
    }

    void store(const routing::StoredPorts& ports) const {
        ASSERT_TRUE(routing::PortFile::open(file_, log_.logger()).value().save(ports));
    }

    static std::uint16_t number_of(const Result<std::shared_ptr<HelperPort>>& taken) {
        return taken ? (*taken)->number() : 0;
    }

    test::TemporaryDirectory folder_;
    const std::filesystem::path file_ = folder_.file("ports.json");
    const std::uint16_t first_ = low_;
    const std::uint16_t second_ = static_cast<std::uint16_t>(low_ + 1);
};

TEST_F(HelperPortsRestart, ARestGoesOnAfterAnOrderlyStop) {
    auto ports = start();
    auto shop = ports->take("shop", 0);
    ASSERT_EQ(number_of(shop), first_);
    shop->reset();
    ports.reset();
    const auto until = stored().at(first_).rests_until;
    ASSERT_TRUE(until);
    const auto left = *until - std::chrono::system_clock::now();
    EXPECT_GT(left, 9min);
    EXPECT_LE(left, 10min + 1s);

    ports = start();
    for (const bool shared : {false, true}) {
        UniqueFd stranger;
        EXPECT_EQ(bind_as_stranger(first_, shared, stranger), EADDRINUSE) << shared;
    }
    const auto blog = ports->take("blog", first_);
    EXPECT_EQ(number_of(blog), second_);
    EXPECT_FALSE(ports->take("third", 0));
    EXPECT_EQ(number_of(ports->take("shop", 0)), first_) << "its own it has at once";
}

TEST_F(HelperPortsRestart, AfterACrashAllBeginAnew) {
    auto ports = start();
    auto used = ports->take("used", 0);
    std::ignore = ports->take("gone", 0);
    const auto at_the_crash = stored();
    EXPECT_EQ(at_the_crash,
              (routing::StoredPorts{{first_, {.name = "used"}}, {second_, {.name = "gone"}}}))
        << "stored before anybody hears of them";
    ports.reset();
    EXPECT_FALSE(stored().at(first_).rests_until) << "somebody holds it still";
    used->reset();
    store(at_the_crash);

    ports = start();
    EXPECT_FALSE(ports->take("other", 0));
    ports->free_rested(Clock::now() + 9min);
    EXPECT_FALSE(ports->take("other", 0));
    EXPECT_EQ(number_of(ports->take("gone", 0)), second_);
    ports->free_rested(Clock::now() + 11min);
    EXPECT_TRUE(ports->take("other", 0));
}

TEST_F(HelperPortsRestart, NoClockMakesARestLonger) {
    const auto now = std::chrono::system_clock::now();
    store({{first_, {.name = "over", .rests_until = now - 1s}},
           {second_, {.name = "far", .rests_until = now + 24h * 365}}});
    const auto ports = start();
    const auto taken = ports->take("a", 0);
    EXPECT_EQ(number_of(taken), first_);
    EXPECT_FALSE(ports->take("b", 0));
    ports->free_rested(Clock::now() + 10min);
    EXPECT_EQ(number_of(ports->take("b", 0)), second_);
}

TEST_F(HelperPortsRestart, RestsOnForWhatIsLeft) {
    store({{first_, {.name = "shop", .rests_until = std::chrono::system_clock::now() + 2min}}});
    const auto ports = start();
    ports->free_rested(Clock::now() + 1min);
    EXPECT_EQ(ports->bound_count(), 1U);
    ports->free_rested(Clock::now() + 2min + 1s);
    EXPECT_EQ(ports->bound_count(), 0U);
}

TEST_F(HelperPortsRestart, AFailedStartLosesNothing) {
    {
        HelperPorts ports({.low = first_, .high = second_}, places_, log_.logger(),
                          routing::PortFile::open(file_, log_.logger()).value());
        ports.take_leftover("shop", first_);
        ports.restore();
    }
    const auto ports = start();
    EXPECT_EQ(number_of(ports->take("other", first_)), second_);
    EXPECT_EQ(number_of(ports->take("shop", 0)), first_);
}

TEST_F(HelperPortsRestart, WhatHasRestedLeavesTheFile) {
    const auto ports = start();
    std::ignore = ports->take("shop", 0);
    ports->free_rested(Clock::now() + 9min);
    EXPECT_EQ(stored().size(), 1U);
    ports->free_rested(Clock::now() + 11min);
    EXPECT_TRUE(stored().empty());
}

TEST_F(HelperPortsRestart, ARestOfNothingIsNotKept) {
    store({{first_, {.name = "shop"}}});
    auto ports = start({});
    EXPECT_TRUE(stored().empty());
    EXPECT_EQ(number_of(ports->take("a", 0)), first_);
    ports.reset();
    EXPECT_TRUE(stored().empty());
}

TEST_F(HelperPortsRestart, AFullDiskStopsNoName) {
    const auto ports = start();
    std::filesystem::remove_all(folder_.path());
    const auto shop = ports->take("shop", 0);
    EXPECT_EQ(number_of(shop), first_);
    EXPECT_EQ(log_.count("after a crash others may get their ports"), 1U);
    std::filesystem::create_directory(folder_.path());
    ports->free_rested(Clock::now());
    EXPECT_EQ(stored().size(), 1U) << "it heals by itself";
}

TEST_F(HelperPortsTest, MarkedPortsAreGivenToOthersLast) {
    ports_.mark_used(low_);
    ports_.mark_used(1);
    EXPECT_EQ(take("a")->number(), low_ + 1);
    EXPECT_EQ(take("b")->number(), low_ + 2);
    EXPECT_EQ(take("mine", low_)->number(), low_);
}

TEST_F(HelperPortsTest, EachTakesADescriptorsPlace) {
    VisitorPlaces few(0, 4);  // half of them for ports
    HelperPorts ports({.low = low_, .high = static_cast<std::uint16_t>(low_ + 3)}, few, {});
    const auto first = ports.take("a", 0);
    EXPECT_TRUE(first);
    EXPECT_TRUE(ports.take("b", 0)) << "and it rests";
    EXPECT_FALSE(ports.take("c", 0));
    EXPECT_TRUE(ports.take("a", 0)) << "no other descriptor is needed";
    ports.free_rested(Clock::now() + 11min);
    EXPECT_TRUE(ports.take("c", 0));
}

TEST_F(HelperPortsTest, WithoutARestAPortIsFreeAtOnce) {
    HelperPorts ports({.low = low_, .high = low_, .rest = {}}, places_, {});
    EXPECT_TRUE(ports.take("a", 0));
    EXPECT_EQ(ports.bound_count(), 0U);
    EXPECT_TRUE(ports.take("b", 0));
}

TEST_F(HelperPortsTest, HoldsMayBeLetGoOnAnyThread) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back(
            [hold = std::shared_ptr<void>(take("blog"))]() mutable { hold.reset(); });
    }
    threads.clear();
    ports_.free_rested(Clock::now() + 11min);
    EXPECT_EQ(ports_.bound_count(), 0U);
}

}  // namespace
}  // namespace diglett::gateway
