#include "mux/link.hpp"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/mux_pair.hpp"

namespace diglett::mux {
namespace {

using namespace std::chrono_literals;
using test::MemoryIo;
using test::MuxEnd;
using test::MuxPair;
using wire::FrameKind;
using wire::ResetReason;

constexpr std::size_t kMiB = 1024 * 1024;

/// A visitor that sends `up` bytes, and a backend that answers with `down` bytes.
StreamId exchange(MuxPair& pair, std::uint64_t up, std::uint64_t down, std::uint64_t seed = 7) {
    const MemoryIo::Plan visitor{.send_seed = seed, .send_bytes = up, .expect_seed = seed + 1};
    const MemoryIo::Plan backend{.send_seed = seed + 1, .send_bytes = down, .expect_seed = seed};
    return pair.open(visitor, backend);
}

void expect_complete(MuxPair& pair, StreamId stream) {
    ASSERT_TRUE(pair.gateway.ios.contains(stream) && pair.agent.ios.contains(stream));
    const MemoryIo& visitor = pair.visitor(stream);
    const MemoryIo& backend = pair.backend(stream);
    EXPECT_EQ(backend.taken, visitor.plan.send_bytes);
    EXPECT_EQ(visitor.taken, backend.plan.send_bytes);
    for (const MemoryIo* const io : {&visitor, &backend}) {
        EXPECT_TRUE(io->is_finished);
        EXPECT_FALSE(io->is_aborted || io->is_wrong || io->is_misused);
    }
    EXPECT_TRUE(pair.gateway.ended.contains(stream));
    EXPECT_TRUE(pair.agent.ended.contains(stream));
}

class LinkTest : public ::testing::Test {
  protected:
    LinkTest() { pair.open_session(); }

    void TearDown() override {
        EXPECT_TRUE(pair.status) << pair.status.error().text;
        EXPECT_FALSE(pair.gateway.is_confused || pair.agent.is_confused);
    }

    MuxPair pair;
};

TEST_F(LinkTest, CarriesBytesBothWaysAndEndsInOrder) {
    const StreamId stream = exchange(pair, 100'000, 3'000'000);
    EXPECT_TRUE(pair.settle());
    pair.pass(1s);
    expect_complete(pair, stream);
}

TEST_F(LinkTest, CarriesManyStreamsWithoutMixingThem) {
    std::vector<StreamId> streams;
    for (std::uint64_t i = 0; i < 200; ++i) {
        streams.push_back(exchange(pair, i * i * 7, (200 - i) * 300, 1000 + 2 * i));
    }
    EXPECT_TRUE(pair.settle(10'000));
    pair.pass(1s);
    for (const StreamId stream : streams) {
        expect_complete(pair, stream);
    }
    EXPECT_EQ(pair.gateway.link->stream_count() + pair.agent.link->stream_count(), 0U);
}

TEST(Link, WorksWhateverThePiecesThatArrive) {
    for (const std::size_t piece : {1U, 2U, 7U, 8U, 9U, 1000U}) {
        MuxPair pair;
        pair.open_session();
        const StreamId one = exchange(pair, 3'000, 20'000, 5);
        const StreamId two = exchange(pair, 0, 17, 9);
        EXPECT_TRUE(pair.settle(piece)) << piece;
        pair.pass(100ms);
        expect_complete(pair, one);
        expect_complete(pair, two);
    }
}

TEST_F(LinkTest, PassesAHalfCloseTowardTheBackend) {
    const MemoryIo::Plan visitor{.send_seed = 1, .send_bytes = 500, .expect_seed = 2};
    const MemoryIo::Plan backend{
        .send_seed = 2, .send_bytes = 900, .holds_end_back = true, .expect_seed = 1};
    const StreamId stream = pair.open(visitor, backend);
    pair.settle();
    EXPECT_TRUE(pair.backend(stream).is_shut);
    EXPECT_FALSE(pair.visitor(stream).is_shut);
    EXPECT_FALSE(pair.backend(stream).is_over());
    EXPECT_EQ(pair.visitor(stream).taken, 900U);
    pair.backend(stream).release_end();
    pair.settle();
    pair.pass(100ms);
    expect_complete(pair, stream);
}

TEST_F(LinkTest, ForwardsTheLastFinByFinishing) {
    const StreamId stream = exchange(pair, 500, 900);
    pair.settle();
    pair.pass(100ms);
    expect_complete(pair, stream);
    EXPECT_EQ(pair.visitor(stream).shutdowns + pair.backend(stream).shutdowns, 1U);
}

TEST_F(LinkTest, DoesNotReadABackendThatHasNothingToSayYet) {
    const MemoryIo::Plan visitor{.send_bytes = 5, .holds_end_back = true};
    const MemoryIo::Plan backend{.holds_end_back = true};
    const StreamId stream = pair.open(visitor, backend);
    pair.settle();
    EXPECT_EQ(pair.backend(stream).taken, 5U);
    EXPECT_TRUE(pair.backend(stream).wants_read);
    EXPECT_EQ(pair.backend(stream).reads, 0U);
}

TEST_F(LinkTest, PassesAHalfCloseTowardTheVisitor) {
    const MemoryIo::Plan visitor{
        .send_seed = 1, .send_bytes = 500, .holds_end_back = true, .expect_seed = 2};
    const MemoryIo::Plan backend{.send_seed = 2, .send_bytes = 900, .expect_seed = 1};
    const StreamId stream = pair.open(visitor, backend);
    pair.settle();
    EXPECT_TRUE(pair.visitor(stream).is_shut);
    EXPECT_FALSE(pair.backend(stream).is_shut);
    pair.visitor(stream).release_end();
    pair.settle();
    pair.pass(100ms);
    expect_complete(pair, stream);
}

TEST_F(LinkTest, AnEndOtherThanByFinIsAResetForTheOtherSide) {
    const MemoryIo::Plan whole{.send_bytes = 5'000, .holds_end_back = true};
    MemoryIo::Plan failing = whole;
    failing.fails_at_end = true;
    failing.holds_end_back = false;
    const StreamId by_visitor = pair.open(failing, whole);
    const StreamId by_backend = pair.open(whole, failing);
    pair.settle();
    pair.pass(100ms);
    for (const StreamId stream : {by_visitor, by_backend}) {
        EXPECT_TRUE(pair.visitor(stream).is_aborted && pair.backend(stream).is_aborted);
        EXPECT_FALSE(pair.visitor(stream).is_shut || pair.backend(stream).is_shut);
        EXPECT_TRUE(pair.gateway.ended.contains(stream) && pair.agent.ended.contains(stream));
    }
    EXPECT_EQ(pair.backend(by_visitor).taken, 5'000U) << "what was sent before the reset arrives";
}

TEST_F(LinkTest, AFailedWriteResetsThePeer) {
    const StreamId stream = exchange(pair, 0, 50'000'000);
    pair.settle(1 << 16, 5);
    pair.visitor(stream).is_broken = true;
    pair.settle();
    pair.pass(100ms);
    EXPECT_TRUE(pair.backend(stream).is_aborted);
    EXPECT_FALSE(pair.backend(stream).is_shut && pair.backend(stream).is_finished);
    EXPECT_EQ(pair.agent.link->stream_count(), 0U);
}

TEST_F(LinkTest, ResetsThatCrossAreBothSilent) {
    const MemoryIo::Plan plan{.holds_end_back = true};
    const StreamId stream = pair.open(plan, plan);
    pair.settle();
    pair.gateway.link->reset(stream, ResetReason::Shutdown, "one");
    pair.agent.link->reset(stream, ResetReason::BackendTimeout, "two");
    pair.gateway.seal(pair.now);
    pair.agent.seal(pair.now);
    pair.settle();
    pair.pass(100ms);
    EXPECT_EQ(pair.visitor(stream).reason, ResetReason::Shutdown);
    EXPECT_EQ(pair.backend(stream).reason, ResetReason::BackendTimeout);
    EXPECT_EQ(pair.gateway.link->figures().remembered, 0U);
    EXPECT_EQ(pair.agent.link->figures().remembered, 0U);
}

TEST_F(LinkTest, AResetCarriesItsReason) {
    const StreamId stream = pair.open({.holds_end_back = true}, std::nullopt);
    pair.settle();
    pair.agent.link->reset(stream, ResetReason::BackendRefused, "nobody listens there");
    pair.settle();
    EXPECT_EQ(pair.visitor(stream).reason, ResetReason::BackendRefused);
}

TEST_F(LinkTest, BytesWaitForABackendThatIsBeingDialled) {
    const StreamId stream =
        pair.open({.send_seed = 1, .send_bytes = 20 * kMiB, .expect_seed = 2}, std::nullopt);
    pair.settle();
    pair.pass(2s);
    EXPECT_EQ(pair.agent.link->figures().buffered, kInitialStreamWindowBytes);
    EXPECT_EQ(pair.visitor(stream).given, kInitialStreamWindowBytes);
    pair.backends[stream] = {.send_seed = 2, .send_bytes = 10, .expect_seed = 1};
    pair.settle();
    pair.pass(1s);
    expect_complete(pair, stream);
    EXPECT_EQ(pair.agent.link->figures().buffered, 0U);
}

TEST_F(LinkTest, ABackendThatComesTooLateIsAborted) {
    const StreamId stream = pair.open({.holds_end_back = true}, std::nullopt);
    pair.settle();
    pair.gateway.link->reset(stream, ResetReason::Aborted, "gone");
    pair.settle();
    const auto late = std::make_shared<MemoryIo>(MemoryIo::Plan());
    pair.agent.link->attach(stream, late, pair.now);
    EXPECT_TRUE(late->is_aborted);
    EXPECT_FALSE(late->is_misused);
}

TEST_F(LinkTest, AStreamResetBeforeItLeftIsNeverSeenByThePeer) {
    const StreamId stream = pair.open({.holds_end_back = true}, std::nullopt);
    pair.gateway.link->reset(stream, ResetReason::Aborted, "gone");
    const StreamId next = exchange(pair, 100, 100);
    pair.settle();
    pair.pass(100ms);
    EXPECT_FALSE(pair.agent.opened.contains(stream));
    expect_complete(pair, next);
}

TEST_F(LinkTest, ReadersThatStopHoldUpNobodyElse) {
    std::vector<StreamId> stopped;
    for (int i = 0; i < 20; ++i) {
        stopped.push_back(pair.open({.expect_seed = 2, .writable = 1000},
                                    MemoryIo::Plan{.send_seed = 2, .send_bytes = 100 * kMiB}));
    }
    pair.settle();
    const StreamId running = exchange(pair, 0, 40 * kMiB);
    pair.settle();
    pair.pass(500ms);
    expect_complete(pair, running);
    EXPECT_LE(pair.gateway.link->figures().buffered, 20 * 2 * kInitialStreamWindowBytes);
    for (const StreamId stream : stopped) {
        EXPECT_EQ(pair.visitor(stream).taken, 1000U);
        EXPECT_FALSE(pair.visitor(stream).is_over());
    }
}

TEST_F(LinkTest, EchoesThatBlockFinishAll) {
    // Each echo stops taking bytes when it holds 3,000, so both directions fill to the brim.
    std::vector<StreamId> streams;
    for (std::uint64_t i = 0; i < 30; ++i) {
        const std::uint64_t seed = 100 + i;
        streams.push_back(
            pair.open({.send_seed = seed, .send_bytes = 700'000, .expect_seed = seed},
                      MemoryIo::Plan{.expect_seed = seed, .echoes = true, .echo_room = 3'000}));
    }
    EXPECT_TRUE(pair.settle(20'000));
    pair.pass(1s);
    for (const StreamId stream : streams) {
        EXPECT_EQ(pair.visitor(stream).taken, 700'000U);
        EXPECT_TRUE(pair.visitor(stream).is_finished && !pair.visitor(stream).is_wrong);
    }
}

TEST_F(LinkTest, AnIdleLinkHoldsNoMemory) {
    const StreamId stream = exchange(pair, 1000, 1000);
    EXPECT_GT(pair.gateway.link->figures().chunks + pair.agent.link->figures().chunks, 0U)
        << "or this test shows nothing";
    pair.pass(200ms);
    expect_complete(pair, stream);
    for (const MuxEnd* const end : {&pair.gateway, &pair.agent}) {
        EXPECT_EQ(end->link->figures().chunks, 0U);
        EXPECT_EQ(end->pool->chunks_in_use(), 0U);
        EXPECT_EQ(end->link->figures().acked, end->link->figures().end);
        EXPECT_FALSE(end->link->has_output());
    }
}

TEST_F(LinkTest, WindowsGrowToSeveralMebibytesInAFewRoundTrips) {
    // A round trip of 20 ms over a carrier that is never full: only windows hold the sender back.
    const StreamId stream =
        pair.open({.expect_seed = 2}, MemoryIo::Plan{.send_seed = 2, .send_bytes = 200 * kMiB});
    pair.settle(1 << 20, 2);
    ASSERT_TRUE(pair.agent.ios.contains(stream));
    std::uint64_t in_one_trip = 0;
    for (int trip = 0; trip < 12; ++trip) {
        const std::uint64_t before = pair.visitor(stream).taken;
        while (pair.agent.link->has_output() && pair.agent.seal(pair.now) > 0) {
        }
        pair.now += 10ms;
        const std::vector<std::byte> toward = std::exchange(pair.agent.outgoing, {});
        for (std::size_t at = 0; at < toward.size(); at += 256 * 1024) {
            const std::size_t size = std::min<std::size_t>(256 * 1024, toward.size() - at);
            ASSERT_TRUE(pair.gateway.link->receive(ByteView(toward).subspan(at, size), pair.now));
        }
        while (pair.gateway.link->has_output() && pair.gateway.seal(pair.now) > 0) {
        }
        pair.now += 10ms;
        const std::vector<std::byte> back = std::exchange(pair.gateway.outgoing, {});
        ASSERT_TRUE(pair.agent.link->receive(back, pair.now));
        in_one_trip = pair.visitor(stream).taken - before;
    }
    EXPECT_GE(in_one_trip, 8 * kMiB);
}

TEST_F(LinkTest, AnInteractiveStreamPassesBulk) {
    const StreamId bulk = exchange(pair, 0, 400 * kMiB);
    pair.settle(1 << 18, 20);
    const StreamId shell = pair.open(
        {.expect_seed = 5}, MemoryIo::Plan{.send_seed = 5, .send_bytes = 1000, .readable = 10});
    pair.settle(1 << 18, 3);
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t before = pair.visitor(shell).taken;
        pair.backend(shell).plan.readable = 64;
        pair.backend(shell).wants_read = false;
        pair.agent.link->readable(shell, pair.now);
        while (!pair.agent.outgoing.empty()) {
            pair.step(pair.agent, pair.gateway, 1 << 20);
        }
        while (pair.step(pair.gateway, pair.agent, 1 << 20) > 0) {
        }
        const std::size_t batch = pair.agent.seal(pair.now);
        ASSERT_GE(batch, 1000U) << "bulk is there as well";
        EXPECT_LE(batch, kSharedBatchBytes + 100) << "bulk is not alone";
        // The shell's bytes lie before the first of bulk.
        const Status received =
            pair.gateway.link->receive(ByteView(pair.agent.outgoing).first(300), pair.now);
        ASSERT_TRUE(received) << received.error().text;
        EXPECT_EQ(pair.visitor(shell).taken, before + 64);
        const std::vector<std::byte> rest = std::exchange(pair.agent.outgoing, {});
        ASSERT_TRUE(pair.gateway.link->receive(ByteView(rest).subspan(300), pair.now));
        pair.now += 1ms;
    }
    EXPECT_FALSE(pair.visitor(bulk).is_over());
}

TEST_F(LinkTest, BulkStreamsShareByBytes) {
    std::vector<StreamId> streams;
    for (std::uint64_t i = 0; i < 8; ++i) {
        streams.push_back(exchange(pair, 0, 100 * kMiB, 10 * i));
    }
    pair.settle(1 << 18, 200);
    std::uint64_t least = ~std::uint64_t{0};
    std::uint64_t most = 0;
    for (const StreamId stream : streams) {
        least = std::min(least, pair.visitor(stream).taken);
        most = std::max(most, pair.visitor(stream).taken);
    }
    EXPECT_GT(least, kMiB);
    EXPECT_LE(most - least, kMiB);
}

TEST_F(LinkTest, RegistrationsEndWithAllTheirStreams) {
    const MemoryIo::Plan open_ended{.holds_end_back = true};
    const StreamId first = pair.open(open_ended, open_ended, RegistrationId{1});
    const StreamId second = pair.open(open_ended, open_ended, RegistrationId{2});
    pair.settle();
    pair.gateway.link->reset_registration(RegistrationId{1}, ResetReason::SessionEnded);
    pair.settle();
    EXPECT_TRUE(pair.visitor(first).is_aborted && pair.backend(first).is_aborted);
    EXPECT_FALSE(pair.visitor(second).is_over() || pair.backend(second).is_over());
}

TEST_F(LinkTest, AbortAllEndsEveryStreamHereAndTellsNobody) {
    const MemoryIo::Plan open_ended{.holds_end_back = true};
    const StreamId stream = pair.open(open_ended, open_ended);
    const StreamId waiting = pair.open(open_ended, std::nullopt);
    pair.settle();
    pair.pass(100ms);
    pair.agent.link->abort_all(ResetReason::SessionEnded);
    EXPECT_TRUE(pair.backend(stream).is_aborted);
    EXPECT_TRUE(pair.agent.ended.contains(stream) && pair.agent.ended.contains(waiting));
    EXPECT_EQ(pair.agent.link->stream_count(), 0U);
    EXPECT_FALSE(pair.agent.link->has_output());
    pair.gateway.link->abort_all(ResetReason::SessionEnded);
    EXPECT_TRUE(pair.visitor(stream).is_aborted && pair.visitor(waiting).is_aborted);
}

TEST(Link, WindowsOfOneByteGrowToo) {
    Link::Options options;
    options.stream_limit = 1;
    MuxPair pair(options);
    pair.open_session();
    const StreamId stream = exchange(pair, 50'000, 50'000);
    EXPECT_TRUE(pair.settle());
    pair.pass(100ms);
    expect_complete(pair, stream);
}

TEST(Link, BoundsItsStreams) {
    Link::Options gateway;
    Link::Options agent;
    agent.max_streams = 3;
    MuxPair pair(gateway, agent);
    pair.open_session();
    const MemoryIo::Plan open_ended{.holds_end_back = true};
    std::vector<StreamId> streams;
    for (int i = 0; i < 5; ++i) {
        streams.push_back(pair.open(open_ended, open_ended));
    }
    pair.settle();
    EXPECT_EQ(pair.agent.opened.size(), 3U);
    EXPECT_EQ(pair.visitor(streams[4]).reason, ResetReason::LimitReached);
    EXPECT_EQ(pair.gateway.link->stream_count(), 3U);
    pair.gateway.link->reset(streams[0], ResetReason::Aborted, "");
    pair.settle();
    const StreamId again = pair.open(open_ended, open_ended);
    pair.settle();
    EXPECT_TRUE(pair.agent.opened.contains(again));
    EXPECT_TRUE(pair.status);
}

TEST(Link, RefusesToOpenMoreThanItsBound) {
    Link::Options options;
    options.max_streams = 2;
    MuxPair pair(options);
    pair.open_session();
    const MemoryIo::Plan open_ended{.holds_end_back = true};
    EXPECT_NE(pair.open(open_ended, open_ended), StreamId{});
    EXPECT_NE(pair.open(open_ended, open_ended), StreamId{});
    const auto refused =
        pair.gateway.link->open(std::make_shared<MemoryIo>(open_ended), wire::Open(), pair.now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::LimitReached);
}

TEST(Link, RefusesStreamsWhenTheProcessIsShortOfMemory) {
    MemoryBudget budget(kMiB);
    Link::Options options;
    options.budget = &budget;
    MuxPair pair(options);
    pair.open_session();
    budget.take(kMiB * 96 / 100);
    const auto refused =
        pair.gateway.link->open(std::make_shared<MemoryIo>(MemoryIo::Plan()), {}, pair.now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::LimitReached);
    budget.give_back(kMiB * 96 / 100);
    EXPECT_NE(pair.open({.holds_end_back = true}, std::nullopt), StreamId{});
}

TEST(Link, HogsAreResetAndTheOthersGoOn) {
    Link::Options options;
    options.max_buffered = 4 * kMiB;
    MuxPair pair(options);
    pair.open_session();
    std::vector<StreamId> hogs;
    for (int i = 0; i < 16; ++i) {
        hogs.push_back(pair.open({.expect_seed = 2, .writable = 10},
                                 MemoryIo::Plan{.send_seed = 2, .send_bytes = 100 * kMiB}));
    }
    const StreamId good = exchange(pair, 0, 30 * kMiB);
    pair.settle();
    pair.pass(3s, 50ms);
    expect_complete(pair, good);
    EXPECT_TRUE(pair.status);
    std::size_t gone = 0;
    for (const StreamId hog : hogs) {
        const MemoryIo& io = pair.visitor(hog);
        gone += io.is_aborted ? 1 : 0;
        EXPECT_TRUE(!io.is_over() || io.reason == ResetReason::SlowReader);
    }
    EXPECT_GE(gone, 4U);
    EXPECT_LT(gone, 16U) << "only until there is room again";
    EXPECT_LE(pair.gateway.link->figures().buffered, 3 * kMiB);
}

TEST(Link, SlowReadersAreHogsWhenNobodyStandsStill) {
    Link::Options options;
    options.max_buffered = 2 * kMiB;
    MuxPair pair(options);
    pair.open_session();
    std::vector<StreamId> hogs;
    for (int i = 0; i < 16; ++i) {
        hogs.push_back(pair.open({.expect_seed = 2, .writable = 10},
                                 MemoryIo::Plan{.send_seed = 2, .send_bytes = 100 * kMiB}));
    }
    const StreamId good = exchange(pair, 0, 10 * kMiB);
    for (int i = 0; i < 60; ++i) {
        for (const StreamId hog : hogs) {
            pair.visitor(hog).plan.writable += 10;
        }
        pair.settle();
        pair.pass(50ms, 50ms);
    }
    expect_complete(pair, good);
}

/// `count` visitors who read nothing, each with a stream window (256 KiB) waiting for them.
std::vector<StreamId> open_stalled(MuxPair& pair, int count) {
    pair.open_session();
    std::vector<StreamId> streams;
    for (int i = 0; i < count; ++i) {
        streams.push_back(pair.open({.expect_seed = 2, .writable = 0},
                                    MemoryIo::Plan{.send_seed = 2, .send_bytes = kMiB}));
    }
    pair.settle();
    return streams;
}

std::size_t count_aborted(MuxPair& pair, const std::vector<StreamId>& streams) {
    return static_cast<std::size_t>(std::ranges::count_if(streams, [&](StreamId stream) {
        const MemoryIo& io = pair.visitor(stream);
        return io.is_aborted && io.reason == ResetReason::SlowReader;
    }));
}

TEST(Link, HogsAreFoundWhenOthersTakeTheMemory) {
    MemoryBudget budget(8 * kMiB);
    Link::Options with_budget;
    with_budget.budget = &budget;
    MuxPair pair(with_budget, Link::Options());
    const auto hogs = open_stalled(pair, 16);
    ASSERT_EQ(pair.gateway.link->figures().buffered, 4 * kMiB);
    pair.pass(5s, 50ms);
    EXPECT_EQ(count_aborted(pair, hogs), 0U) << "half of what there is, and it is not short";
    budget.take(3 * kMiB);
    pair.pass(2s, 50ms);
    EXPECT_EQ(count_aborted(pair, hogs), 7U) << "4 MiB of 5 MiB, until less than a half of them";
    budget.give_back(3 * kMiB);
    pair.pass(5s, 50ms);
    EXPECT_EQ(count_aborted(pair, hogs), 7U);
}

TEST(Link, HogsOfManyLinksAreResetWhenTheProcessIsShort) {
    MemoryBudget budget(20 * kMiB);
    Link::Options with_budget;
    with_budget.budget = &budget;
    MuxPair one(with_budget, Link::Options());
    MuxPair other(with_budget, Link::Options());
    const auto ones = open_stalled(one, 10);
    const auto others = open_stalled(other, 10);
    const std::uint64_t elsewhere = 141 * kMiB / 10;
    budget.take(elsewhere);
    ASSERT_EQ(budget.level(), MemoryBudget::Level::Full);
    for (int i = 0; i < 100; ++i) {
        one.pass(50ms, 50ms);
        other.pass(50ms, 50ms);
    }
    EXPECT_TRUE(budget.has_recovered()) << budget.used();
    EXPECT_EQ(count_aborted(one, ones) + count_aborted(other, others), 13U);
    EXPECT_NEAR(static_cast<double>(count_aborted(one, ones)), 6.5, 1) << "both give";
    budget.give_back(elsewhere);
}

/// A system says late that a socket has room; a write finds out at once.
TEST(Link, SteadyReadersAreNoHogsBesideALinkFullOfThem) {
    constexpr std::uint64_t kEachStep = 20'000;
    MemoryBudget budget(8 * kMiB);
    Link::Options with_budget;
    with_budget.budget = &budget;
    MuxPair evil(with_budget, Link::Options());
    MuxPair good(with_budget, Link::Options());
    good.open_session();
    std::vector<StreamId> steady;
    for (int i = 0; i < 4; ++i) {
        steady.push_back(
            good.open({.expect_seed = 2, .writable = kEachStep, .tells_of_room = false},
                      MemoryIo::Plan{.send_seed = 2, .send_bytes = 100 * kMiB}));
    }
    good.settle();
    const auto hogs = open_stalled(evil, 28);
    const std::uint64_t elsewhere = 68 * kMiB / 10;  // so that it stays short
    budget.take(elsewhere);
    for (int i = 0; i < 200; ++i) {
        for (const StreamId stream : steady) {
            good.visitor(stream).plan.writable += kEachStep;
        }
        evil.pass(50ms, 50ms);
        good.pass(50ms, 50ms);
    }
    EXPECT_EQ(count_aborted(good, steady), 0U);
    EXPECT_TRUE(good.status) << good.status.error().text;
    EXPECT_GE(count_aborted(evil, hogs), hogs.size() - 1);
    budget.give_back(elsewhere);
}

/// Two links whose process stays short of memory throughout, whatever they let go of.
class LinkShort : public ::testing::Test {
  protected:
    void TearDown() override { budget.give_back(elsewhere); }

    static Link::Options with(MemoryBudget& budget) {
        Link::Options options;
        options.budget = &budget;
        return options;
    }

    /// Visitors of `good` that take `bytes` of an endless answer each `every`, and hold a stream
    /// window of it. @param at_once what they take before.
    std::vector<StreamId> open_moving(int count, std::uint64_t at_once = 0) {
        good.open_session();
        std::vector<StreamId> streams;
        for (int i = 0; i < count; ++i) {
            streams.push_back(good.open({.expect_seed = 2, .writable = at_once},
                                        MemoryIo::Plan{.send_seed = 2, .send_bytes = 100 * kMiB}));
        }
        good.settle();
        return streams;
    }

    /// From now on; before it streams can be opened.
    void be_short() { budget.take(elsewhere = budget.total()); }

    /// The time of both, in steps of 50 ms, `bytes` for each of `moving` at every `every`-th.
    void pass(Duration span, const std::vector<StreamId>& moving, std::uint64_t bytes, int every) {
        for (const TimePoint end = good.now + span; good.now < end;) {
            if (++steps % every == 0) {
                for (const StreamId stream : moving) {
                    good.visitor(stream).plan.writable += bytes;
                }
            }
            evil.pass(50ms, 50ms);
            good.pass(50ms, 50ms);
        }
        EXPECT_TRUE(good.status) << good.status.error().text;
    }

    MemoryBudget budget{8 * kMiB};
    std::uint64_t elsewhere = 0;
    MuxPair evil{with(budget), Link::Options()};
    MuxPair good{with(budget), Link::Options()};
    int steps = 0;
};

TEST_F(LinkShort, WhoReadsInBurstsIsNoHog) {
    const auto bursty = open_moving(4);
    be_short();
    pass(20s, bursty, 32'000, 16);
    EXPECT_EQ(count_aborted(good, bursty), 0U) << "40 KB/s each";
}

TEST_F(LinkShort, WhoIsReadInLargeStepsIsNoHog) {
    const auto steady = open_moving(4);
    be_short();
    pass(50ms, steady, 400'000, 1);
    pass(20s, steady, 400'000, 30);
    EXPECT_EQ(count_aborted(good, steady), 0U) << "a step in 1.5 s";
}

/// Nothing of its first bytes was ever held here: they count all the same.
TEST_F(LinkShort, WhoWasFastMayPause) {
    const auto fast = open_moving(4, 3 * kMiB);
    be_short();
    pass(3s, fast, 0, 1);
    EXPECT_EQ(count_aborted(good, fast), 0U) << "it was not slow until it stood still";
    pass(2s, fast, 0, 1);
    EXPECT_GT(count_aborted(good, fast), 0U) << "but nobody is held for ever";
}

TEST_F(LinkShort, WhoMovesIsSparedWhileOthersStandStill) {
    const auto slow = open_moving(4);
    const auto hogs = open_stalled(evil, 28);
    be_short();
    std::size_t left = hogs.size();
    for (int i = 0; i < 400 && left > 0; ++i) {
        pass(50ms, slow, 10, 1);
        left = hogs.size() - count_aborted(evil, hogs);
        ASSERT_EQ(count_aborted(good, slow), 0U) << left << " stand still elsewhere";
    }
    ASSERT_EQ(left, 0U);
    pass(5s, slow, 10, 1);
    EXPECT_EQ(count_aborted(good, slow), 0U) << "there may be more of those";
    pass(3s, slow, 10, 1);
    EXPECT_GT(count_aborted(good, slow), 0U) << "now the slowest movers are in the way";
}

TEST_F(LinkShort, WhoStandsStillGoesBeforeThoseThatHoldMore) {
    auto streams = open_moving(4);
    const StreamId still = streams.back();
    streams.pop_back();
    be_short();
    good.visitor(still).plan.writable = 100'000;
    pass(6s, streams, 10, 1);
    EXPECT_EQ(count_aborted(good, {still}), 1U);
    EXPECT_EQ(count_aborted(good, streams), 0U);
}

TEST_F(LinkShort, WhoMovesIsNotSparedForEver) {
    const auto slow = open_moving(4);
    be_short();
    for (int second = 0; second < 80; ++second) {
        budget.note_stuck(good.now);  // somebody always has another one
        pass(1s, slow, 10, 1);
        if (second < 50) {
            ASSERT_EQ(count_aborted(good, slow), 0U) << second;
        }
    }
    EXPECT_GT(count_aborted(good, slow), 0U);
}

TEST_F(LinkTest, BoundsTheMessagesThatWait) {
    EXPECT_FALSE(pair.agent.link->send_message(FrameKind::Unregister, 1,
                                               ByteVector(wire::kMaxMessageBytes + 1)));
    Status status;
    int queued = 0;
    for (; status; ++queued) {
        status = pair.agent.link->send_message(FrameKind::Unregister, 1, ByteVector(10'000));
    }
    EXPECT_EQ(status.error().code, Errc::LimitReached);
    EXPECT_EQ(queued, 27) << "26 of them fit into 256 KiB";
    pair.agent.link->abort_all(ResetReason::Shutdown);
}

}  // namespace
}  // namespace diglett::mux
