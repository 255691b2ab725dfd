// The small parts of a link: windows, spills, turns, liveness, noise, table of streams, proofs.
#include <gtest/gtest.h>

#include "base/budget.hpp"
#include "mux/flow_window.hpp"
#include "mux/keepalive.hpp"
#include "mux/limits.hpp"
#include "mux/link_credit.hpp"
#include "mux/noise_guard.hpp"
#include "mux/resume.hpp"
#include "mux/round_trip.hpp"
#include "mux/scheduler.hpp"
#include "mux/spill.hpp"
#include "mux/stream_table.hpp"

namespace diglett::mux {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart = TimePoint{} + 1h;
constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;

constexpr FlowWindow::Circumstances kFree{
    .round_trip = 100ms, .most = 16 * kMiB, .least = 64 * kKiB};

TEST(FlowWindow, GrowsToTwiceWhatARoundTripMoves) {
    FlowWindow window(256 * kKiB, kStart);
    window.on_moved(kMiB, kStart + 50ms, kFree);
    EXPECT_EQ(window.size(), 2 * kMiB);
    window.on_moved(100 * kMiB, kStart + 60ms, kFree);
    EXPECT_EQ(window.size(), 16 * kMiB) << "and no further";
}

TEST(FlowWindow, CountsAPauseAsTimeThatPassed) {
    FlowWindow window(256 * kKiB, kStart);
    window.on_moved(kMiB, kStart + 10s, kFree);
    EXPECT_EQ(window.size(), 256 * kKiB) << "1 MiB in 10 s is 10 KiB in a round trip";
}

TEST(FlowWindow, ShrinksForASlowReaderOnly) {
    FlowWindow window(8 * kMiB, kStart);
    window.on_moved(100 * kKiB, kStart + 100ms, kFree);
    EXPECT_EQ(window.size(), 8 * kMiB) << "a sender with little to say is no slow reader";
    FlowWindow::Circumstances behind = kFree;
    behind.has_backlog = true;
    window.on_moved(100 * kKiB, kStart + 200ms, behind);
    EXPECT_EQ(window.size(), 200 * kKiB);
    window.on_moved(1, kStart + 300ms, behind);
    EXPECT_EQ(window.size(), 64 * kKiB);
    FlowWindow unmeasured(kMiB, kStart);
    behind.round_trip = {};
    unmeasured.on_moved(1, kStart + 300ms, behind);
    EXPECT_EQ(unmeasured.size(), kMiB) << "without a round trip nobody knows what is slow";
}

TEST(FlowWindow, DoesNotGrowWhenMemoryIsShort) {
    FlowWindow window(256 * kKiB, kStart);
    FlowWindow::Circumstances tight = kFree;
    tight.may_grow = false;
    window.on_moved(10 * kMiB, kStart + 100ms, tight);
    EXPECT_EQ(window.size(), 256 * kKiB);
}

TEST(LinkCredit, PromisesWhatStateAllows) {
    LinkCredit credit(kMiB, 4 * kMiB, nullptr, kStart);
    EXPECT_EQ(credit.promise(), kMiB);
    credit.on_received(300 * kKiB);
    EXPECT_TRUE(credit.should_promise());
    EXPECT_EQ(credit.promise(), kMiB + 300 * kKiB);
    credit.add_buffered(4 * kMiB - 100);
    credit.on_received(kMiB);
    EXPECT_EQ(credit.promise(), kMiB + 300 * kKiB + 100);
    credit.add_buffered(1000);
    EXPECT_EQ(credit.limit(), credit.promised()) << "a promise is never taken back";
    EXPECT_EQ(credit.update_shortage(), LinkCredit::Shortage::Link);
    EXPECT_FALSE(credit.may_grow());
    credit.remove_buffered(kMiB + kMiB / 2);
    EXPECT_TRUE(credit.may_grow()) << "below 3/4";
    EXPECT_EQ(credit.update_shortage(), LinkCredit::Shortage::Link) << "until below 1/2";
    credit.remove_buffered(kMiB);
    EXPECT_EQ(credit.update_shortage(), LinkCredit::Shortage::None);
    credit.remove_buffered(credit.buffered());
}

TEST(LinkCredit, SharesTheProcessBudget) {
    MemoryBudget budget(10 * kMiB);
    {
        LinkCredit credit(kMiB, 64 * kMiB, &budget, kStart);
        credit.add_buffered(3 * kMiB);
        EXPECT_EQ(budget.used(), 3 * kMiB);
        EXPECT_TRUE(credit.may_grow());
        budget.take(6 * kMiB);
        EXPECT_FALSE(credit.may_grow());
        budget.take(2 * kMiB);
        credit.on_received(2 * kMiB);
        EXPECT_EQ(credit.limit(), 2 * kMiB + kMinLinkWindowBytes);
        EXPECT_TRUE(credit.is_crowded()) << "who holds a lot when nothing is left is crowded";
    }
    EXPECT_EQ(budget.used(), 8 * kMiB) << "a link that goes gives its bytes back";
}

TEST(MemoryBudget, IsShortFromFullUntilItHasRecovered) {
    MemoryBudget budget(1000);
    budget.take(949);
    EXPECT_FALSE(budget.is_short());
    budget.take(1);
    EXPECT_TRUE(budget.is_short());
    budget.give_back(150);
    EXPECT_TRUE(budget.is_short());
    budget.give_back(1);
    EXPECT_FALSE(budget.is_short());
    budget.take(1);
    EXPECT_FALSE(budget.is_short());
    budget.take(150);
    budget.give_back(100);
    EXPECT_TRUE(budget.is_short()) << "whether somebody asked in between or not";
    budget.give_back(850);
}

TEST(MemoryBudget, HasItsSteps) {
    MemoryBudget budget(1000);
    using Level = MemoryBudget::Level;
    for (const auto& [used, level] :
         {std::pair(849U, Level::Normal), std::pair(850U, Level::Tight),
          std::pair(950U, Level::Full), std::pair(980U, Level::Critical)}) {
        budget.take(used);
        EXPECT_EQ(budget.level(), level) << used;
        EXPECT_FALSE(budget.has_recovered());
        budget.give_back(used);
    }
    EXPECT_TRUE(budget.has_recovered());
}

TEST(Spill, KeepsOrderAndOwnsNothingWhenDrained) {
    Spill spill;
    ByteVector expected;
    for (unsigned i = 0; i < 5000; ++i) {
        const ByteVector piece(1 + i % 37, std::byte{static_cast<unsigned char>(i)});
        spill.append(piece);
        expected.insert(expected.end(), piece.begin(), piece.end());
    }
    ByteVector drained;
    while (!spill.empty()) {
        std::array<ByteView, 4> segments;
        const std::size_t count = spill.front(segments);
        ASSERT_GT(count, 0U);
        const std::size_t some = std::min<std::size_t>(1 + drained.size() % 900, spill.size());
        std::size_t left = some;
        for (std::size_t i = 0; i < count && left > 0; ++i) {
            const ByteView part = segments[i].first(std::min(left, segments[i].size()));
            drained.insert(drained.end(), part.begin(), part.end());
            left -= part.size();
        }
        spill.consume(some - left);
    }
    EXPECT_EQ(drained, expected);
    std::array<ByteView, 4> segments;
    EXPECT_EQ(spill.front(segments), 0U);
}

TEST(Keepalive, PingsOnceInASilenceAndThenGivesUp) {
    Keepalive keepalive(300ms, kStart);
    EXPECT_EQ(keepalive.deadline(), kStart + 5300ms);
    EXPECT_EQ(keepalive.check(kStart + 5299ms), Keepalive::Due::Nothing);
    EXPECT_EQ(keepalive.check(kStart + 5300ms), Keepalive::Due::Ping);
    EXPECT_EQ(keepalive.check(kStart + 6s), Keepalive::Due::Nothing);
    EXPECT_EQ(keepalive.deadline(), kStart + 15s);
    EXPECT_EQ(keepalive.check(kStart + 15s), Keepalive::Due::Dead);
    keepalive.heard(kStart + 14s);
    EXPECT_EQ(keepalive.check(kStart + 15s), Keepalive::Due::Nothing);
    EXPECT_EQ(keepalive.deadline(), kStart + 19300ms);
}

TEST(RoundTrip, SmoothsPingsAndLetsAcksOnlyLowerIt) {
    RoundTrip trip;
    EXPECT_TRUE(trip.is_stale(kStart));
    const auto token = trip.start_ping(kStart);
    ASSERT_TRUE(token);
    EXPECT_FALSE(trip.start_ping(kStart)) << "one at a time";
    EXPECT_FALSE(trip.on_pong(*token + 1, kStart + 1ms));
    EXPECT_TRUE(trip.on_pong(*token, kStart + 80ms));
    EXPECT_FALSE(trip.on_pong(*token, kStart + 81ms)) << "answered already";
    EXPECT_EQ(trip.smoothed(), 80ms);
    trip.on_sent(1000, kStart + 100ms);
    trip.on_acknowledged(1000, kStart + 300ms);
    EXPECT_EQ(trip.smoothed(), 80ms);
    trip.on_sent(2000, kStart + 400ms);
    trip.on_acknowledged(1500, kStart + 401ms);
    trip.on_acknowledged(2500, kStart + 440ms);
    EXPECT_EQ(trip.smoothed(), 75ms);
}

TEST(NoiseGuard, AllowsARateForEachKindAndNoMore) {
    for (const auto& [kind, rate] : {std::pair(NoiseGuard::Kind::Ping, kMaxPingsPerSecond),
                                     {NoiseGuard::Kind::UselessWindow, kMaxUselessWindowsPerSecond},
                                     {NoiseGuard::Kind::Stray, kMaxStrayFramesPerSecond}}) {
        NoiseGuard guard(kStart);
        for (std::uint32_t i = 0; i < rate; ++i) {
            EXPECT_TRUE(guard.count(kind, kStart));
        }
        const Status status = guard.count(kind, kStart);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, Errc::TooMuchNoise);
        EXPECT_TRUE(guard.count(kind, kStart + 1s));
    }
}

std::unique_ptr<Stream> make_stream(std::uint32_t id) {
    return std::make_unique<Stream>(StreamId{id}, RegistrationId{}, 0, kStart);
}

TEST(StreamTable, FindsWhatIsThereWhateverCameAndWent) {
    StreamTable table;
    for (std::uint32_t id = 1; id <= 1000; ++id) {
        table.add(make_stream(3 * id));
        if (id % 4 != 0) {
            table.remove(StreamId{3 * id}, 0, 0);
        }
    }
    EXPECT_EQ(table.size(), 250U);
    for (std::uint32_t id = 1; id <= 3000; ++id) {
        const auto found = table.find(StreamId{id});
        EXPECT_EQ(found.stream != nullptr, id % 12 == 0) << id;
        EXPECT_FALSE(found.lingers);
    }
}

TEST(StreamTable, RemembersAnEndedStreamUntilItsEndIsAcknowledged) {
    StreamTable table;
    table.add(make_stream(1));
    table.add(make_stream(2));
    table.add(make_stream(3));
    table.remove(StreamId{2}, 500, 400);
    table.remove(StreamId{1}, 450, 400);
    table.remove(StreamId{3}, 400, 400);
    EXPECT_TRUE(table.find(StreamId{1}).lingers && table.find(StreamId{2}).lingers);
    EXPECT_FALSE(table.find(StreamId{3}).lingers);
    EXPECT_EQ(table.remembered(), 2U);
    table.release(499);
    EXPECT_TRUE(table.find(StreamId{2}).lingers);
    table.release(500);
    EXPECT_FALSE(table.find(StreamId{1}).lingers || table.find(StreamId{2}).lingers);
    EXPECT_EQ(table.remembered(), 0U);
}

TEST(Scheduler, LetsIdleStreamsGoFirstOnce) {
    Scheduler scheduler;
    const auto bulk = make_stream(1);
    const auto other = make_stream(2);
    const auto shell = make_stream(3);
    scheduler.add(*bulk);
    EXPECT_EQ(scheduler.allowance(*bulk, kMaxBatchBytes), kMaxBatchBytes) << "it is alone";
    scheduler.on_sent(*bulk, kMaxBatchBytes, kStart);
    scheduler.add(*other);
    EXPECT_EQ(scheduler.next(), other.get());
    EXPECT_EQ(scheduler.allowance(*other, kMaxBatchBytes), kQuantumBytes);
    scheduler.on_sent(*other, kQuantumBytes, kStart);
    EXPECT_EQ(scheduler.next(), bulk.get());
    scheduler.add(*shell);
    EXPECT_EQ(scheduler.next(), shell.get());
    scheduler.on_sent(*shell, 100, kStart);
    EXPECT_EQ(scheduler.next(), bulk.get()) << "once only";
    scheduler.remove(*bulk);
    scheduler.add(*bulk);
    EXPECT_EQ(scheduler.next(), other.get()) << "bulk does not go first, though it was away";
    EXPECT_EQ(scheduler.batch_bytes(kStart), kSharedBatchBytes);
}

TEST(Scheduler, EndsATurnWithItsQuantum) {
    Scheduler scheduler;
    const auto one = make_stream(1);
    const auto two = make_stream(2);
    one->run_bytes = two->run_bytes = kQuantumBytes;  // Neither is interactive.
    scheduler.add(*one);
    scheduler.add(*two);
    scheduler.on_sent(*one, 10'000, kStart);
    EXPECT_EQ(scheduler.next(), one.get());
    EXPECT_EQ(scheduler.allowance(*one, kMaxBatchBytes), kQuantumBytes - 10'000);
    scheduler.on_sent(*one, kQuantumBytes - 10'000, kStart);
    EXPECT_EQ(scheduler.next(), two.get());
}

TEST(Scheduler, GivesALongerTurnToAStreamThatHasJustSentAsMuch) {
    Scheduler scheduler;
    const auto bulk = make_stream(1);
    const auto other = make_stream(2);
    bulk->run_bytes = other->run_bytes = kQuantumBytes;  // Neither is interactive.
    scheduler.add(*bulk);
    scheduler.on_sent(*bulk, kBulkQuantumBytes - 1, kStart);
    scheduler.add(*other);
    EXPECT_EQ(scheduler.allowance(*bulk, kMaxBatchBytes), kQuantumBytes);
    scheduler.on_sent(*bulk, kQuantumBytes, kStart);
    EXPECT_EQ(scheduler.next(), other.get());
    EXPECT_EQ(scheduler.allowance(*other, kMaxBatchBytes), kQuantumBytes);
    scheduler.on_sent(*other, kQuantumBytes, kStart);
    EXPECT_EQ(scheduler.next(), bulk.get());
    EXPECT_EQ(scheduler.allowance(*bulk, kMaxBatchBytes), kBulkQuantumBytes);
    scheduler.remove(*bulk);
    scheduler.add(*bulk);
    EXPECT_EQ(scheduler.allowance(*bulk, kMaxBatchBytes), kBulkQuantumBytes) << "it was away";
    scheduler.remove(*bulk);
    scheduler.add(*bulk);
    EXPECT_EQ(scheduler.allowance(*bulk, kMaxBatchBytes), kQuantumBytes) << "and sent nothing";
}

TEST(Scheduler, SharesBatchesForAWhileAfterAnotherStreamWasActive) {
    Scheduler scheduler;
    const auto bulk = make_stream(1);
    const auto shell = make_stream(2);
    scheduler.add(*shell);
    scheduler.on_sent(*shell, 10, kStart);
    scheduler.remove(*shell);
    scheduler.add(*bulk);
    scheduler.on_sent(*bulk, 1000, kStart + 1ms);
    EXPECT_EQ(scheduler.batch_bytes(kStart + 50ms), kSharedBatchBytes);
    EXPECT_EQ(scheduler.batch_bytes(kStart + 1s), kMaxBatchBytes);
}

TEST(Resume, ProofsBindEverythingTheyCover) {
    const ByteVector key(32, std::byte{1});
    const ByteVector exporter(32, std::byte{2});
    const ResumeClaim claim{{}, LinkId{0}, 3, 1000, 2000};
    const wire::Proof proof = make_resume_proof(Role::Agent, claim, key, exporter);
    EXPECT_TRUE(is_resume_proof_right(proof, Role::Agent, claim, key, exporter));
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Gateway, claim, key, exporter)) << "mirrored";
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, claim, key, ByteVector(32)))
        << "another connection";
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, claim, exporter, exporter));
    ResumeClaim other = claim;
    other.epoch = 4;
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, other, key, exporter));
    other = claim;
    other.received = 1001;
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, other, key, exporter));
    other = claim;
    other.limit = 0;
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, other, key, exporter));
    other = claim;
    other.session[15] = std::byte{1};
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, other, key, exporter));
    other = claim;
    other.link = LinkId{1};
    EXPECT_FALSE(is_resume_proof_right(proof, Role::Agent, other, key, exporter));
}

TEST(Resume, ChecksInTheOrderOfTheProtocol) {
    using enum wire::RefusalCode;
    ResumeSituation situation{.is_session_known = false,
                              .is_proof_right = false,
                              .is_revoked = true,
                              .is_replaced = true,
                              .current_epoch = 5,
                              .is_position_valid = false};
    EXPECT_EQ(check_resume(situation, 5), Unknown);
    situation.is_session_known = true;
    EXPECT_EQ(check_resume(situation, 5), Unknown) << "the same answer without the proof";
    situation.is_proof_right = true;
    EXPECT_EQ(check_resume(situation, 5), Revoked);
    situation.is_revoked = false;
    EXPECT_EQ(check_resume(situation, 5), Replaced);
    situation.is_replaced = false;
    EXPECT_EQ(check_resume(situation, 5), Stale);
    EXPECT_EQ(check_resume(situation, 6), Position);
    situation.is_position_valid = true;
    EXPECT_EQ(check_resume(situation, 6), std::nullopt);
}

}  // namespace
}  // namespace diglett::mux
