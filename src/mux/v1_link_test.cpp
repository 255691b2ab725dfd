#include "mux/v1_link.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/v1_peer.hpp"

// The original program's defects have numbers here, 1 to 20, in the order of docs/protocol.md A.
// Those that are not below belong to other layers: 10 (accept fails) to net, 11 (silent
// connections) to the gateway's deadlines, 12 (closed output) and 15 (names and texts printed raw)
// to base and gateway, 16 (keys) to crypto, 17 (token in argv) and 18 (exit 0, no retry) to the
// agent and its program.

namespace diglett::mux {
namespace {

using namespace std::chrono_literals;
using test::FakeStreamIo;
using test::V1Frame;
using test::V1Side;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::FrameKind;
using wire::ResetReason;

constexpr std::size_t kMiB = 1024 * 1024;

V1Link::Options options(Role role) {
    V1Link::Options options;
    options.role = role;
    options.stream_spill_bytes = 2 * kMiB;
    options.session_spill_bytes = 4 * kMiB;
    return options;
}

V1Frame data_frame(StreamId id, std::string text) {
    return {FrameKind::Data, id.value, std::move(text)};
}

V1Frame close_frame(StreamId id) {
    return {FrameKind::End, id.value, {}};
}

/// A gateway whose agent has registered.
class V1Gateway : public ::testing::Test, public V1Side {
  public:
    V1Gateway() : V1Side(options(Role::Gateway)) {
        EXPECT_TRUE(receive(V1Frame{FrameKind::Login}).has_value());
        EXPECT_TRUE(receive(V1Frame{FrameKind::Register, 0x00070003, "example"}).has_value());
        EXPECT_TRUE(receive(V1Frame{FrameKind::FinishRegister}).has_value());
        sent();
    }

    /// A visitor whose first empty Payload is out already.
    auto connected(std::string text = {}) {
        auto result = visitor(std::move(text));
        sent();
        return result;
    }
};

/// An agent that has registered.
class V1Agent : public ::testing::Test, public V1Side {
  public:
    V1Agent() : V1Side(options(Role::Agent)) {
        for (const FrameKind kind : {FrameKind::Login, FrameKind::Register}) {
            EXPECT_TRUE(link.send_message(kind, 5, {}).has_value());
            EXPECT_TRUE(receive(V1Frame{FrameKind::Ok}).has_value());
        }
        EXPECT_TRUE(link.send_message(FrameKind::FinishRegister, 0, {}).has_value());
        sent();
    }

    FakeStreamIo& backend() { return *ios.back(); }
};

// ---- Gateway: ids

TEST_F(V1Gateway, UsesGrowingIdsUnderTheLowHalfOfRegistersNumber) {
    EXPECT_EQ(visitor().first.value, 0x00030001U);
    EXPECT_EQ(visitor().first.value, 0x00030002U);
}

TEST_F(V1Gateway, NeverUsesAnIdAgain) {
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 70'000; ++i) {
        const auto [id, io] = connected();
        ASSERT_TRUE(seen.insert(id.value).second);
        ASSERT_TRUE(close(id).has_value());
    }
    EXPECT_GT(*seen.rbegin(), 0x0003ffffU) << "the low half is used up, so the high half grows";
}

TEST_F(V1Gateway, Defect01LateBytesReachNobody) {
    const auto [first, left] = connected();
    left->is_broken = true;
    link.reset(first, ResetReason::Aborted, {});
    const auto [second, next] = connected();
    ASSERT_TRUE(payload(first, "for the first").has_value());
    ASSERT_TRUE(close(first).has_value());
    EXPECT_EQ(next->written, "");
    EXPECT_FALSE(next->is_gone());
    ASSERT_TRUE(payload(second, "for the second").has_value());
    EXPECT_EQ(next->written, "for the second");
}

TEST_F(V1Gateway, EndsAnAgentThatSendsForStreamsThatNeverWere) {
    Status taken;
    int frames = 0;
    for (; taken && frames < 1000; ++frames) {
        taken = payload(StreamId{0xdeadbeef}, "nobody");
    }
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, Errc::TooMuchNoise);
    EXPECT_GT(frames, 300) << "a few are dropped silently";
}

// ---- Gateway: opening

TEST_F(V1Gateway, Defect20EmptyPayloadAtOnceMakesTheAgentDial) {
    const auto [id, io] = visitor();
    EXPECT_THAT(sent(), ElementsAre(data_frame(id, "")));
    ASSERT_TRUE(payload(id, "220 ready").has_value());
    EXPECT_EQ(io->written, "220 ready");
}

TEST_F(V1Gateway, OpensNothingBeforeFinishRegister) {
    V1Side side(options(Role::Gateway));
    const auto refused = side.link.open(std::make_shared<FakeStreamIo>(), {}, side.now);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::LimitReached);
}

TEST(V1Link, OpensNoMoreStreamsThanItMay) {
    auto few = options(Role::Gateway);
    few.max_streams = 2;
    V1Side side(few);
    for (const FrameKind kind :
         {FrameKind::Login, FrameKind::Register, FrameKind::FinishRegister}) {
        ASSERT_TRUE(side.receive(V1Frame{kind}).has_value());
    }
    const auto [id, io] = side.visitor();
    side.visitor();
    EXPECT_FALSE(side.link.open(std::make_shared<FakeStreamIo>(), {}, side.now).has_value());
    ASSERT_TRUE(side.payload(id, "x").has_value());
    io->is_broken = true;
    side.link.reset(id, ResetReason::Aborted, {});
    EXPECT_FALSE(side.link.open(std::make_shared<FakeStreamIo>(), {}, side.now).has_value())
        << "a drain counts as well";
    side.pass(1s);
    EXPECT_TRUE(side.link.open(std::make_shared<FakeStreamIo>(), {}, side.now).has_value());
}

// ---- Gateway: ends

TEST_F(V1Gateway, CloseAfterDataIsTheBackendsFin) {
    const auto [id, io] = connected();
    ASSERT_TRUE(payload(id, "answer").has_value());
    ASSERT_TRUE(close(id).has_value());
    EXPECT_EQ(io->written, "answer");
    EXPECT_TRUE(io->got_fin);
    EXPECT_FALSE(io->is_gone()) << "the visitor has not closed yet";
    io->sends_fin = true;
    link.readable(id, now);
    EXPECT_TRUE(io->is_finished);
    pass(1s);
    EXPECT_THAT(ended, ElementsAre(id));
}

TEST_F(V1Gateway, CloseWithPayloadCounts) {
    const auto [id, io] = connected();
    ASSERT_TRUE(payload(id, "answer").has_value());
    ASSERT_TRUE(receive(V1Frame{FrameKind::End, id.value, "extra"}).has_value());
    EXPECT_EQ(io->written, "answer");
    EXPECT_TRUE(io->got_fin);
}

TEST_F(V1Gateway, VisitorThatStaysAfterTheFinIsClosedInTheEnd) {
    const auto [id, io] = connected();
    ASSERT_TRUE(payload(id, "answer").has_value());
    ASSERT_TRUE(close(id).has_value());
    pass(kV1Linger);
    EXPECT_TRUE(io->is_finished);
    EXPECT_EQ(link.stream_count(), 0U);
}

TEST_F(V1Gateway, Defect03AnswersCloseWithClose) {
    const auto [id, io] = connected("rest of an upload");
    EXPECT_TRUE(payload(id, "answer").has_value());
    ASSERT_TRUE(close(id).has_value());
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)))
        << "and nothing of the visitor after it, since the agent would dial again";
    ASSERT_TRUE(close(id).has_value());
    EXPECT_THAT(sent(), IsEmpty()) << "one answer, not a game of ping-pong";
}

TEST_F(V1Gateway, Defect05RefusedBackendIsNoCleanEnd) {
    const auto [id, io] = connected("GET /");
    ASSERT_TRUE(close(id).has_value());
    EXPECT_EQ(io->aborted, ResetReason::BackendRefused);
    EXPECT_FALSE(io->got_fin);
}

TEST_F(V1Gateway, Defect05LostAgentIsNoCleanEnd) {
    const auto [id, io] = connected();
    ASSERT_TRUE(payload(id, "half of the ans").has_value());
    link.abort_all(ResetReason::SessionEnded);
    EXPECT_EQ(io->aborted, ResetReason::SessionEnded);
    EXPECT_FALSE(io->got_fin);
    EXPECT_EQ(link.stream_count(), 0U);
}

TEST_F(V1Gateway, Defect06AnswerArrivesAfterTheVisitorsFin) {
    const auto [id, io] = visitor("question");
    io->sends_fin = true;
    EXPECT_THAT(sent(), ElementsAre(data_frame(id, ""), data_frame(id, "question")));
    pass(kV1BackendSilence - 1s);
    ASSERT_TRUE(payload(id, "first part").has_value());
    pass(kV1BackendSilence - 1s);
    ASSERT_TRUE(payload(id, ", second part").has_value());
    EXPECT_THAT(sent(), IsEmpty()) << "no Close while the backend speaks";
    ASSERT_TRUE(close(id).has_value());
    EXPECT_EQ(io->written, "first part, second part");
    EXPECT_TRUE(io->got_fin);
    EXPECT_TRUE(io->is_finished);
}

TEST_F(V1Gateway, Defect06SilentBackendIsClosedAfterTheVisitorsFin) {
    const auto [id, io] = visitor("question");
    io->sends_fin = true;
    sent();
    pass(kV1BackendSilence - 1ms);
    EXPECT_FALSE(io->is_gone());
    pass(1ms);
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)));
    EXPECT_EQ(io->aborted, ResetReason::Aborted) << "the backend has sent no FIN";
}

TEST_F(V1Gateway, SinkThatEndsAfterTheVisitorsFinIsACleanEnd) {
    const auto [id, io] = visitor("all of it");
    io->sends_fin = true;
    sent();
    ASSERT_TRUE(close(id).has_value());
    EXPECT_TRUE(io->got_fin);
    EXPECT_TRUE(io->is_finished);
}

TEST_F(V1Gateway, Defect02ADownloadIsDrainedBeforeClose) {
    const auto [id, io] = connected();
    ASSERT_TRUE(payload(id, "part").has_value());
    io->is_broken = true;
    ASSERT_TRUE(payload(id, "part").has_value());
    EXPECT_TRUE(io->aborted.has_value());
    for (int i = 0; i < 20; ++i) {
        pass(100ms);
        ASSERT_TRUE(payload(id, "still on its way").has_value());
        ASSERT_THAT(sent(), IsEmpty()) << "the agent is writing for this stream";
    }
    pass(2 * kV1QuietBeforeClose);
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)));
}

TEST_F(V1Gateway, Defect02AnEndlessDownloadIsClosedAtLast) {
    const auto [id, io] = connected();
    io->is_broken = true;
    ASSERT_TRUE(payload(id, "part").has_value());
    std::vector<V1Frame> frames;
    const TimePoint start = now;
    while (frames.empty() && now - start < 60s) {
        pass(100ms);
        ASSERT_TRUE(payload(id, "and on").has_value());
        frames = sent();
    }
    EXPECT_THAT(frames, ElementsAre(close_frame(id)));
    EXPECT_LE(now - start, kV1LongestDrain + 1s);
}

TEST_F(V1Gateway, QuietStreamIsClosedAtOnce) {
    const auto [id, io] = connected();
    ASSERT_TRUE(payload(id, "answer").has_value());
    pass(1s);
    io->is_broken = true;
    link.readable(id, now);
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)));
}

TEST_F(V1Gateway, AgentsCloseEndsADrain) {
    const auto [id, io] = connected();
    io->is_broken = true;
    ASSERT_TRUE(payload(id, "part").has_value());
    ASSERT_TRUE(close(id).has_value());
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)));
    pass(1min);
    EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(V1Gateway, Defect04CloseIsNotLostWhenTheLinkIsBusy) {
    std::vector<V1Frame> expected;
    for (int i = 0; i < 1000; ++i) {
        const StreamId id = visitor().first;
        link.reset(id, ResetReason::Aborted, {});
        expected.push_back(data_frame(id, ""));
        expected.push_back(close_frame(id));
    }
    EXPECT_EQ(sent(), expected) << "nothing was taken meanwhile";
}

TEST_F(V1Gateway, Defect13AgentIsToldWhenAVisitorTakesNoMore) {
    const auto [id, io] = connected();
    io->room = 0;
    ASSERT_TRUE(payload(id, "answer").has_value());
    EXPECT_TRUE(io->wants_write);
    io->is_broken = true;
    pass(1s);
    link.writable(id, now);
    EXPECT_TRUE(io->aborted.has_value());
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)));
}

TEST_F(V1Gateway, ResetOfItsRegistrationEndsAllStreams) {
    const auto [id, io] = connected();
    link.reset_registration(RegistrationId{4}, ResetReason::SessionEnded);
    EXPECT_FALSE(io->is_gone());
    link.reset_registration(RegistrationId{3}, ResetReason::SessionEnded);
    EXPECT_EQ(io->aborted, ResetReason::SessionEnded);
    EXPECT_THAT(sent(), ElementsAre(close_frame(id)));
}

// ---- Gateway: slow visitors

TEST_F(V1Gateway, Defect08SlowVisitorDelaysOthersForABoundedTime) {
    const auto [slow, stopped] = connected();
    const auto [fast, running] = connected();
    stopped->room = 100;
    const std::string block(64 * 1024 - 1, 'x');
    while (link.wants_input()) {
        ASSERT_TRUE(payload(slow, block).has_value());
        ASSERT_TRUE(payload(fast, "y").has_value());
    }
    EXPECT_GT(link.spilled_bytes(), 2 * kMiB);
    EXPECT_LT(link.spilled_bytes(), 3 * kMiB);
    EXPECT_FALSE(running->written.empty()) << "until here nobody waits at all";

    pass(kV1Patience - 1ms);
    EXPECT_FALSE(stopped->is_gone());
    pass(1ms);
    EXPECT_EQ(stopped->aborted, ResetReason::SlowReader);
    EXPECT_TRUE(link.wants_input());
    EXPECT_EQ(link.spilled_bytes(), 0U);
    EXPECT_THAT(ended, ElementsAre(slow));
    const std::size_t before = running->written.size();
    ASSERT_TRUE(payload(fast, "on").has_value());
    EXPECT_EQ(running->written.size(), before + 2);
    pass(2 * kV1QuietBeforeClose);
    EXPECT_THAT(sent(), ElementsAre(close_frame(slow)));
}

TEST_F(V1Gateway, SlowVisitorThatMovesIsKept) {
    const auto [slow, io] = connected();
    connected();
    io->room = 0;
    const std::string block(64 * 1024 - 1, 'x');
    std::size_t total = 0;
    for (int round = 0; round < 10; ++round) {
        while (link.wants_input()) {
            ASSERT_TRUE(payload(slow, block).has_value());
            total += block.size();
        }
        pass(kV1Patience - 1ms);
        io->room = kMiB + 256 * 1024;
        link.writable(slow, now);
        ASSERT_TRUE(link.wants_input()) << "it has fallen far enough";
    }
    EXPECT_FALSE(io->is_gone());
    ASSERT_TRUE(close(slow).has_value());
    io->room = SIZE_MAX;
    link.writable(slow, now);
    EXPECT_EQ(io->written.size(), total) << "nothing is lost";
    EXPECT_TRUE(io->got_fin);
}

TEST_F(V1Gateway, OnlyVisitorMayTakeItsTime) {
    const auto [slow, io] = connected();
    io->room = 0;
    while (link.wants_input()) {
        ASSERT_TRUE(payload(slow, std::string(65'535, 'x')).has_value());
    }
    pass(10min);
    EXPECT_FALSE(io->is_gone()) << "nobody else waits";
    const auto [other, second] = connected();
    pass(kV1Patience);
    EXPECT_EQ(io->aborted, ResetReason::SlowReader);
    EXPECT_FALSE(second->is_gone());
}

TEST_F(V1Gateway, BoundsAllStreamsTogether) {
    std::vector<std::shared_ptr<FakeStreamIo>> all;
    for (int i = 0; i < 8; ++i) {
        const auto [id, io] = connected();
        io->room = 0;
        all.push_back(io);
        for (int j = 0; j < 16 + i && link.wants_input(); ++j) {
            ASSERT_TRUE(payload(id, std::string(60'000, 'x')).has_value());
        }
    }
    EXPECT_FALSE(link.wants_input());
    pass(kV1Patience);
    EXPECT_TRUE(link.wants_input());
    EXPECT_GT(link.stream_count(), 4U) << "only as many as it takes, the fullest first";
    EXPECT_LT(link.stream_count(), 8U);
}

TEST_F(V1Gateway, BoundHoldsEvenIfTheOwnerReadsOn) {
    const auto [id, io] = connected();
    io->room = 0;
    for (int i = 0; i < 1000 && !io->is_gone(); ++i) {
        ASSERT_TRUE(payload(id, std::string(65'535, 'x')).has_value());
        ASSERT_LE(link.spilled_bytes(), 5 * kMiB);
    }
    EXPECT_EQ(io->aborted, ResetReason::SlowReader);
    EXPECT_EQ(link.spilled_bytes(), 0U);
}

TEST_F(V1Gateway, VisitorThatNeverTakesTheEndOfItsAnswerIsResetAtLast) {
    const auto [id, io] = connected();
    io->room = 3;
    ASSERT_TRUE(payload(id, "answer").has_value());
    ASSERT_TRUE(close(id).has_value());
    EXPECT_FALSE(io->got_fin);
    pass(kV1LongestStall);
    EXPECT_EQ(io->aborted, ResetReason::SlowReader);
}

TEST_F(V1Gateway, StreamsTakeTurns) {
    const auto [first, one] = connected(std::string(100'000, 'a'));
    const auto [second, two] = visitor(std::string(100'000, 'b'));
    one->to_read = std::string(100'000, 'a');
    link.readable(first, now);
    const auto batch = link.next_batch(now);
    std::size_t size = 0;
    for (const ByteView part : batch) {
        size += part.size();
    }
    EXPECT_LE(size, kV1BatchBytes + 100);
    const std::vector<V1Frame> rest = sent();
    ASSERT_GE(rest.size(), 4U);
    EXPECT_NE(rest[0].id, rest[1].id);
    for (const V1Frame& frame : rest) {
        EXPECT_LE(frame.payload.size() + wire::kHeaderBytes, kV1SentFrameBytes);
    }
}

TEST_F(V1Gateway, RefusesNewStreamsWhileTheAgentTakesNothing) {
    bool is_refused = false;
    for (int i = 0; i < 100'000 && !is_refused; ++i) {
        const auto id = link.open(std::make_shared<FakeStreamIo>(), {}, now);
        is_refused = !id;
        if (id) {
            link.reset(*id, ResetReason::Aborted, {});
        }
    }
    EXPECT_TRUE(is_refused) << "what waits for the carrier is bounded";
    sent();
    EXPECT_TRUE(link.open(std::make_shared<FakeStreamIo>(), {}, now).has_value());
}

// ---- Conversation

TEST_F(V1Gateway, Defect19TerminateEndsTheSession) {
    const Status taken = receive(V1Frame{FrameKind::Terminate});
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, Errc::EndOfStream);
    EXPECT_EQ(messages.back().kind, FrameKind::Terminate);
}

TEST_F(V1Agent, Defect19TerminateEndsTheSession) {
    const Status taken = receive(V1Frame{FrameKind::Terminate});
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, Errc::EndOfStream);
}

TEST_F(V1Gateway, Defect07RefusesATextThatDoesNotFitItsSizeField) {
    EXPECT_FALSE(link.send_message(FrameKind::Error, 0, ByteVector(65'536)).has_value());
    EXPECT_TRUE(link.send_message(FrameKind::Error, 0, ByteVector(65'535)).has_value());
    EXPECT_EQ(sent().back().payload.size(), 65'535U);
}

TEST(V1Link, Defect14OnlyFinishRegisterFinishesARegistration) {
    for (const unsigned kind : {0U, 1U, 2U, 4U, 5U, 6U, 7U, 8U, 9U, 21U, 255U}) {
        V1Side side(options(Role::Gateway));
        ASSERT_TRUE(side.receive(V1Frame{FrameKind::Login}).has_value());
        ASSERT_TRUE(side.receive(V1Frame{FrameKind::Register, 0, "example"}).has_value());
        const Status taken = side.receive(V1Frame{static_cast<FrameKind>(kind)});
        ASSERT_FALSE(taken.has_value()) << kind;
        EXPECT_EQ(taken.error().code, Errc::ProtocolViolation);
        EXPECT_EQ(side.messages.size(), 2U) << "nothing but Login and Register was accepted";
    }
}

TEST(V1Link, TellsAnAgentOutOfOrderWhatTheOriginalTells) {
    V1Side side(options(Role::Gateway));
    const Status taken = side.receive(V1Frame{FrameKind::Register, 0, "example"});
    ASSERT_FALSE(taken.has_value());
    std::string last;
    for (const ByteView part : side.link.farewell(taken.error())) {
        last += as_text(part);
    }
    ByteVector expected;
    wire::append_frame(FrameKind::Error, 0, as_bytes("received unexpected message"), expected);
    EXPECT_EQ(last, as_text(expected));
    EXPECT_FALSE(side.link.has_output());
}

TEST(V1Link, RefusesAHugeTokenBeforeLogin) {
    V1Side side(options(Role::Gateway));
    EXPECT_FALSE(side.receive(V1Frame{FrameKind::Login, 0, std::string(kV1MaxTokenBytes + 1, 't')})
                     .has_value());
    EXPECT_THAT(side.messages, IsEmpty());
}

TEST_F(V1Gateway, SilenceAndPingAreNoSignOfDeath) {
    link.ping(now);
    EXPECT_THAT(sent(), IsEmpty());
    EXPECT_EQ(link.deadline(), kNever);
    now += 24h;
    EXPECT_TRUE(link.on_time(now).has_value());
}

// ---- Agent

TEST_F(V1Agent, DialsAtTheFirstPayloadEvenAnEmptyOne) {
    ASSERT_TRUE(payload(StreamId{0xbeef0011}, "").has_value());
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(registration.value, 5U);
    backend().to_read = "220 ready";
    link.readable(opened[0], now);
    EXPECT_THAT(sent(), ElementsAre(V1Frame{FrameKind::Data, 0xbeef0011, "220 ready"}));
    ASSERT_TRUE(payload(StreamId{0xbeef0011}, "EHLO").has_value());
    EXPECT_EQ(opened.size(), 1U);
    EXPECT_EQ(backend().written, "EHLO");
}

TEST_F(V1Agent, KeepsWhatComesWhileItDials) {
    attaches = false;
    ASSERT_TRUE(payload(StreamId{7}, "early").has_value());
    ASSERT_TRUE(payload(StreamId{7}, " bird").has_value());
    const auto io = std::make_shared<FakeStreamIo>();
    link.attach(opened.at(0), io, now);
    EXPECT_EQ(io->written, "early bird");
}

TEST_F(V1Agent, CloseDuringTheDialStillDeliversInOrder) {
    attaches = false;
    ASSERT_TRUE(payload(StreamId{7}, "all").has_value());
    ASSERT_TRUE(close(StreamId{7}).has_value());
    const auto io = std::make_shared<FakeStreamIo>();
    link.attach(opened.at(0), io, now);
    EXPECT_EQ(io->written, "all");
    EXPECT_TRUE(io->got_fin);
}

TEST_F(V1Agent, NeedsNoBackendForAVisitorThatLeftWithoutAByte) {
    attaches = false;
    ASSERT_TRUE(payload(StreamId{7}, "").has_value());
    ASSERT_TRUE(close(StreamId{7}).has_value());
    pass(1s);
    EXPECT_EQ(ended, opened);
    const auto io = std::make_shared<FakeStreamIo>();
    link.attach(opened.at(0), io, now);
    EXPECT_TRUE(io->aborted.has_value()) << "the dial came too late";
}

TEST_F(V1Agent, FailedDialIsAClose) {
    attaches = false;
    ASSERT_TRUE(payload(StreamId{7}, "GET /").has_value());
    link.reset(opened.at(0), ResetReason::BackendRefused, "refused");
    EXPECT_THAT(sent(), ElementsAre(close_frame(StreamId{7})));
}

TEST_F(V1Agent, BackendsFinIsACloseAfterItsData) {
    ASSERT_TRUE(payload(StreamId{7}, "GET /").has_value());
    backend().to_read = "answer";
    backend().sends_fin = true;
    link.readable(opened.at(0), now);
    EXPECT_THAT(sent(), ElementsAre(data_frame(StreamId{7}, "answer"), close_frame(StreamId{7})));
    EXPECT_TRUE(backend().aborted.has_value())
        << "its upload was cut, which must not look like the end of it";
}

TEST_F(V1Agent, Defect03IgnoresAnIdThatItClosedForTwoSeconds) {
    ASSERT_TRUE(payload(StreamId{7}, "upload").has_value());
    backend().sends_fin = true;
    link.readable(opened.at(0), now);
    sent();
    ASSERT_TRUE(payload(StreamId{7}, "rest of the upload").has_value());
    pass(kV1IgnoreClosedId - 1ms);
    ASSERT_TRUE(payload(StreamId{7}, "rest of the upload").has_value());
    EXPECT_EQ(opened.size(), 1U) << "not dialled again";
    pass(1ms);
    ASSERT_TRUE(payload(StreamId{7}, "the next visitor from that port").has_value());
    EXPECT_EQ(opened.size(), 2U);
}

TEST_F(V1Agent, Defect03GatewaysCloseEndsTheIgnoring) {
    ASSERT_TRUE(payload(StreamId{7}, "x").has_value());
    backend().sends_fin = true;
    link.readable(opened.at(0), now);
    ASSERT_THAT(sent(), ElementsAre(close_frame(StreamId{7})));
    ASSERT_TRUE(close(StreamId{7}).has_value());
    ASSERT_TRUE(payload(StreamId{7}, "new").has_value());
    ASSERT_EQ(opened.size(), 2U);
    EXPECT_NE(opened[0], opened[1]) << "our own numbers are never used again";
    EXPECT_EQ(backend().written, "new");
}

TEST_F(V1Agent, IdMayBeUsedAgainWhileItsOldBackendLingers) {
    ASSERT_TRUE(payload(StreamId{7}, "old").has_value());
    ios[0]->room = 0;
    ASSERT_TRUE(payload(StreamId{7}, " and slow").has_value());
    ASSERT_TRUE(close(StreamId{7}).has_value());
    ASSERT_TRUE(payload(StreamId{7}, "new").has_value());
    ASSERT_EQ(opened.size(), 2U);
    EXPECT_EQ(ios[1]->written, "new");
    pass(kV1LongestStall);
    EXPECT_TRUE(ios[0]->aborted.has_value());
    ASSERT_TRUE(payload(StreamId{7}, "er").has_value());
    EXPECT_EQ(ios[1]->written, "newer") << "the old end does not take the id with it";
}

TEST_F(V1Agent, CloseInOrderIsAFinToTheBackend) {
    ASSERT_TRUE(payload(StreamId{7}, "upload").has_value());
    ASSERT_TRUE(close(StreamId{7}).has_value());
    EXPECT_EQ(backend().written, "upload");
    EXPECT_TRUE(backend().got_fin);
    backend().to_read = "nobody gets this";
    backend().sends_fin = true;
    link.readable(opened.at(0), now);
    EXPECT_TRUE(backend().is_finished);
    EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(V1Agent, Defect05LostGatewayIsNoCleanEnd) {
    ASSERT_TRUE(payload(StreamId{7}, "half of an upl").has_value());
    link.abort_all(ResetReason::SessionEnded);
    EXPECT_TRUE(backend().aborted.has_value());
    EXPECT_FALSE(backend().got_fin);
}

TEST_F(V1Agent, Defect09BackendThatDoesNotReadDelaysOthersForABoundedTime) {
    ASSERT_TRUE(payload(StreamId{7}, "x").has_value());
    ios[0]->room = 0;
    while (link.wants_input()) {
        ASSERT_TRUE(payload(StreamId{7}, std::string(65'535, 'x')).has_value());
        ASSERT_TRUE(payload(StreamId{8}, "y").has_value());
    }
    EXPECT_FALSE(ios[1]->written.empty());
    pass(kV1Patience);
    EXPECT_EQ(ios[0]->aborted, ResetReason::SlowReader);
    EXPECT_TRUE(link.wants_input());
    EXPECT_THAT(sent(), ElementsAre(close_frame(StreamId{7})));
}

TEST_F(V1Agent, Defect09DialThatHangsDelaysNobody) {
    attaches = false;
    ASSERT_TRUE(payload(StreamId{7}, "hangs").has_value());
    attaches = true;
    ASSERT_TRUE(payload(StreamId{8}, "runs").has_value());
    EXPECT_EQ(backend().written, "runs");
}

TEST(V1Link, AgentRefusesStreamsBeyondItsBoundAndGoesOn) {
    auto few = options(Role::Agent);
    few.max_streams = 1;
    V1Side side(few);
    ASSERT_TRUE(side.link.send_message(FrameKind::FinishRegister, 0, {}).has_value());
    side.sent();
    ASSERT_TRUE(side.payload(StreamId{1}, "one").has_value());
    ASSERT_TRUE(side.payload(StreamId{2}, "two").has_value());
    EXPECT_THAT(side.sent(), ElementsAre(close_frame(StreamId{2})));
    EXPECT_EQ(side.ios.at(0)->written, "one");
}

TEST(V1Link, AgentEndsAGatewayThatOpensStreamsButReadsNothing) {
    auto none = options(Role::Agent);
    none.max_streams = 0;
    V1Side side(none);
    ASSERT_TRUE(side.link.send_message(FrameKind::FinishRegister, 0, {}).has_value());
    Status taken;
    for (std::uint32_t id = 1; taken && id < 1'000'000; ++id) {
        taken = side.payload(StreamId{id}, "");
    }
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, Errc::TooMuchNoise);
}

TEST_F(V1Agent, DropsACloseForNobody) {
    EXPECT_TRUE(close(StreamId{99}).has_value());
    EXPECT_TRUE(receive(V1Frame{FrameKind::End, 99, "zzz"}).has_value());
    EXPECT_THAT(opened, IsEmpty());
    EXPECT_THAT(sent(), IsEmpty());
}

}  // namespace
}  // namespace diglett::mux
