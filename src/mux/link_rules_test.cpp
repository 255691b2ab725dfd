// What a link makes of a peer that breaks the rules, and of time.
#include <gtest/gtest.h>

#include "mux/link.hpp"
#include "test/support/mux_peer.hpp"

namespace diglett::mux {
namespace {

using namespace std::chrono_literals;
using test::MemoryIo;
using test::MuxPeer;
using wire::FrameKind;

constexpr MemoryIo::Plan kOpenEnded{.holds_end_back = true};

void expect_refused(const Status& status, Errc code) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, code) << status.error().text;
}

Status try_open(MuxPeer& gateway) {
    const auto opened =
        gateway.end.link->open(std::make_shared<MemoryIo>(kOpenEnded), wire::Open(), gateway.now);
    return opened ? Status{} : forward_error(opened);
}

class LinkRules : public ::testing::Test {
  protected:
    LinkRules() {
        gateway.open_session();
        agent.open_session();
    }

    MuxPeer gateway{Role::Gateway};  ///< The link is a gateway, the test its agent.
    MuxPeer agent{Role::Agent};
};

TEST_F(LinkRules, DataMustNotBeEmpty) {
    const StreamId id = gateway.open(kOpenEnded);
    expect_refused(gateway.data(id.value, 0), Errc::ProtocolViolation);
}

TEST_F(LinkRules, DataMustKeepTheStreamLimit) {
    const StreamId id = agent.open({.holds_end_back = true, .writable = 0});
    for (std::uint64_t sent = 0; sent < kInitialStreamWindowBytes; sent += 16 * 1024) {
        ASSERT_TRUE(agent.data(id.value, 16'000));
        ASSERT_TRUE(agent.data(id.value, 384));
    }
    expect_refused(agent.data(id.value, 1), Errc::FlowControlViolation);
}

TEST_F(LinkRules, DataMustKeepTheLinkLimit) {
    Status status;
    std::uint64_t bytes = 0;
    for (int i = 0; status && i < 20; ++i) {
        const StreamId id = agent.open({.holds_end_back = true, .writable = 0});
        for (int frame = 0; status && frame < 16; ++frame) {
            status = agent.data(id.value, 16'000);
            bytes += 16'007;
        }
    }
    expect_refused(status, Errc::FlowControlViolation);
    EXPECT_LE(bytes, kInitialLinkWindowBytes + 16'007);
    EXPECT_GT(bytes, kInitialLinkWindowBytes - 20 * 60);
}

TEST_F(LinkRules, ControlFramesMayUseTheReserveAndNoMore) {
    // Nothing is acknowledged here, so the promise stays at what Hello said.
    Status status;
    std::uint64_t bytes = 0;
    while (status && bytes < 4 * kInitialLinkWindowBytes) {
        status = agent.feed(FrameKind::Error, 1, ByteVector(16'000));
        bytes += 16'007;
    }
    expect_refused(status, Errc::FlowControlViolation);
    EXPECT_GT(bytes, kInitialLinkWindowBytes + kControlReserveBytes - 16'007);
}

TEST_F(LinkRules, NothingFollowsAnEnd) {
    const StreamId id = gateway.open(kOpenEnded);
    ASSERT_TRUE(gateway.feed(FrameKind::End, id.value, ""));
    expect_refused(gateway.data(id.value, 1), Errc::ProtocolViolation);
    const StreamId other = agent.open(kOpenEnded);
    ASSERT_TRUE(agent.feed(FrameKind::End, other.value, ""));
    expect_refused(agent.feed(FrameKind::End, other.value, ""), Errc::ProtocolViolation);
}

TEST_F(LinkRules, StreamsMustHaveBeenOpened) {
    gateway.open(kOpenEnded);
    for (const FrameKind kind : {FrameKind::Data, FrameKind::End}) {
        for (const std::uint32_t id : {0U, 2U, 0xffff'ffffU}) {
            MuxPeer fresh(Role::Gateway);
            fresh.open_session();
            fresh.open(kOpenEnded);
            expect_refused(fresh.feed(kind, id, kind == FrameKind::Data ? "x" : ""),
                           Errc::ProtocolViolation);
        }
    }
    expect_refused(gateway.feed(FrameKind::Window, 9, wire::Window{1}), Errc::ProtocolViolation);
    expect_refused(agent.feed(FrameKind::Reset, 9, wire::Reset{}), Errc::ProtocolViolation);
}

TEST_F(LinkRules, IdsOnlyGrow) {
    ASSERT_TRUE(agent.feed(FrameKind::Open, 5, wire::Open{}));
    ASSERT_TRUE(agent.feed(FrameKind::Open, 9, wire::Open{})) << "gaps are allowed";
    expect_refused(agent.feed(FrameKind::Open, 9, wire::Open{}), Errc::ProtocolViolation);
    MuxPeer other(Role::Agent);
    other.open_session();
    expect_refused(other.feed(FrameKind::Open, 0x8000'0000U, wire::Open{}),
                   Errc::ProtocolViolation);
}

TEST(LinkIds, AreUsedUpAtTheLast) {
    MuxPeer gateway(Role::Gateway, {.max_stream_id = 2});
    gateway.open_session();
    gateway.open(kOpenEnded);
    EXPECT_FALSE(gateway.end.link->is_used_up());
    gateway.open(kOpenEnded);
    EXPECT_TRUE(gateway.end.link->is_used_up());
    expect_refused(try_open(gateway), Errc::LimitReached);
}

TEST(LinkIds, AreNotGivenBehindTheLastPosition) {
    MuxPeer gateway(Role::Gateway, {.max_link_bytes = 10'000});
    gateway.open_session();
    const StreamId id = gateway.open(kOpenEnded);
    EXPECT_FALSE(gateway.end.link->is_used_up());
    EXPECT_TRUE(gateway.data(id.value, 10'000));
    EXPECT_TRUE(gateway.end.link->is_used_up());
    expect_refused(try_open(gateway), Errc::LimitReached);
}

TEST_F(LinkRules, PayloadsMustBeWhole) {
    const StreamId id = gateway.open(kOpenEnded);
    expect_refused(gateway.feed(FrameKind::End, id.value, "x"), Errc::ProtocolViolation);
    for (const FrameKind kind :
         {FrameKind::Window, FrameKind::Reset, FrameKind::Ack, FrameKind::Ping, FrameKind::Pong}) {
        MuxPeer fresh(Role::Gateway);
        fresh.open_session();
        fresh.open(kOpenEnded);
        const std::uint32_t stream =
            kind == FrameKind::Window || kind == FrameKind::Reset ? 1U : 0U;
        expect_refused(fresh.feed(kind, stream, "x"), Errc::ProtocolViolation);
    }
    expect_refused(agent.feed(FrameKind::Open, 1, "short"), Errc::ProtocolViolation);
}

TEST_F(LinkRules, AnAckMustBeTrue) {
    const StreamId id = gateway.open({.send_bytes = 1000, .holds_end_back = true});
    EXPECT_EQ(gateway.take(FrameKind::Data).size(), 1U);
    expect_refused(gateway.feed(FrameKind::Ack, 0, wire::Ack{gateway.sent_position + 1, 0}),
                   Errc::ProtocolViolation);
    MuxPeer other(Role::Gateway);
    other.open_session();
    other.open({.send_bytes = 1000, .holds_end_back = true});
    static_cast<void>(other.take());
    EXPECT_TRUE(other.acknowledge());
    expect_refused(other.feed(FrameKind::Ack, 0, wire::Ack{other.sent_position - 1, 0}),
                   Errc::ProtocolViolation);
    EXPECT_FALSE(gateway.end.ios[id]->is_over());
}

TEST_F(LinkRules, LateFramesForAnEndedStreamAreDropped) {
    const StreamId id = gateway.open(kOpenEnded);
    static_cast<void>(gateway.take());
    gateway.end.link->reset(id, wire::ResetReason::Aborted, "gone");
    EXPECT_EQ(gateway.take(FrameKind::Reset).size(), 1U);
    // The agent has not seen the Reset yet, so a thousand frames of it have a cause.
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(gateway.data(id.value, 100));
        ASSERT_TRUE(gateway.feed(FrameKind::Window, id.value, wire::Window{1}));
    }
    ASSERT_TRUE(gateway.feed(FrameKind::Reset, id.value, wire::Reset{}));
    EXPECT_TRUE(gateway.take(FrameKind::Reset).empty()) << "never answered";
    EXPECT_TRUE(gateway.acknowledge());
    Status status;
    int frames = 0;
    for (; status && frames < 1000; ++frames) {
        status = gateway.data(id.value, 1);
    }
    expect_refused(status, Errc::TooMuchNoise);
    EXPECT_EQ(frames, 331);
}

TEST_F(LinkRules, PingsAreAnsweredUntilThereAreTooMany) {
    ASSERT_TRUE(agent.feed(FrameKind::Ping, 0, wire::Ping{77}));
    const auto pongs = agent.take(FrameKind::Pong);
    ASSERT_EQ(pongs.size(), 1U);
    EXPECT_EQ(wire::decode<wire::Ping>(pongs.front().payload), wire::Ping{77});
    Status status;
    for (int i = 0; status && i < 100; ++i) {
        status = agent.feed(FrameKind::Ping, 0, wire::Ping{77});
    }
    expect_refused(status, Errc::TooMuchNoise);
}

TEST_F(LinkRules, WindowsThatRaiseNothingAreNoise) {
    const StreamId id = agent.open(kOpenEnded);
    Status status;
    int windows = 0;
    for (; status && windows < 2000; ++windows) {
        status = agent.feed(FrameKind::Window, id.value, wire::Window{5});
    }
    expect_refused(status, Errc::TooMuchNoise);
    EXPECT_EQ(windows, 1001);
}

TEST_F(LinkRules, VisitorsThatComeAndGoAreNoNoise) {
    for (std::uint32_t id = 1; id <= 20'000; ++id) {
        ASSERT_TRUE(agent.feed(FrameKind::Open, id, wire::Open{}));
        ASSERT_TRUE(agent.feed(FrameKind::Reset, id, wire::Reset{}));
    }
    EXPECT_EQ(agent.end.link->figures().remembered, 0U);
    EXPECT_EQ(agent.end.ended.size(), 20'000U);
}

TEST(LinkBounds, OpensWhoseResetsAreNeverAcknowledgedAreBounded) {
    Link::Options options;
    options.max_streams = 10;
    MuxPeer agent(Role::Agent, options);
    agent.open_session();
    Status status;
    std::uint32_t id = 1;
    for (; status && id < 1000; ++id) {
        status = agent.feed(FrameKind::Open, id, wire::Open{});
        agent.end.link->reset(StreamId{id}, wire::ResetReason::BackendRefused, "");
        static_cast<void>(agent.take());
    }
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::TooMuchNoise);
    EXPECT_LE(agent.end.link->figures().remembered, 20U);
}

TEST_F(LinkRules, AcknowledgesAfter50Milliseconds) {
    ASSERT_TRUE(agent.feed(FrameKind::Ok, 1, "{}"));
    EXPECT_FALSE(agent.end.link->has_output());
    EXPECT_EQ(agent.end.link->deadline(), agent.now + 50ms);
    agent.now += 50ms;
    ASSERT_TRUE(agent.end.link->on_time(agent.now));
    const auto acks = agent.take(FrameKind::Ack);
    ASSERT_EQ(acks.size(), 1U);
    EXPECT_EQ(wire::decode<wire::Ack>(acks.front().payload)->received, 9U);
}

TEST_F(LinkRules, AcknowledgesWithABatchThatLeavesAnyway) {
    const StreamId id = agent.open({.send_bytes = 10, .holds_end_back = true});
    agent.end.serve_sockets(agent.now);
    const auto frames = agent.take();
    ASSERT_GE(frames.size(), 2U);
    EXPECT_EQ(frames[0].kind, FrameKind::Ack);
    EXPECT_EQ(frames.back().kind, FrameKind::Data);
    EXPECT_EQ(frames.back().id, id.value);
    EXPECT_TRUE(agent.take().empty());
}

TEST_F(LinkRules, AcknowledgesAQuarterOfAMebibyteAtOnce) {
    const StreamId id = agent.open({.holds_end_back = true, .writable = 0});
    ASSERT_TRUE(agent.data(id.value, 1));
    static_cast<void>(agent.take());  // With a Ping, as bytes arrive.
    for (int i = 0; i < 15; ++i) {
        ASSERT_TRUE(agent.data(id.value, 16'377));
    }
    EXPECT_TRUE(agent.take(FrameKind::Ack).empty());
    ASSERT_TRUE(agent.feed(FrameKind::Ok, 1, ByteVector(16'377)));
    EXPECT_EQ(agent.take(FrameKind::Ack).size(), 1U);
}

TEST_F(LinkRules, PingsASilentPeerOnceAndGivesUpAfter15Seconds) {
    Link& link = *agent.end.link;
    agent.now += 1s;
    ASSERT_TRUE(agent.feed(FrameKind::Ack, 0, wire::Ack{0, 0}));
    const TimePoint heard = agent.now;
    EXPECT_EQ(link.deadline(), heard + 5s);
    agent.now = heard + 5s;
    ASSERT_TRUE(link.on_time(agent.now));
    EXPECT_EQ(agent.take(FrameKind::Ping).size(), 1U);
    agent.now = heard + 14999ms;
    ASSERT_TRUE(link.on_time(agent.now));
    EXPECT_TRUE(agent.take(FrameKind::Ping).empty());
    EXPECT_EQ(link.last_heard(), heard);
    agent.now = heard + 15s;
    expect_refused(link.on_time(agent.now), Errc::ConnectionLost);
}

TEST_F(LinkRules, AnyByteIsASignOfLife) {
    ASSERT_TRUE(agent.acknowledge());
    ByteVector frame;
    wire::append_frame(FrameKind::Ok, 1, ByteVector(100), frame);
    for (std::size_t i = 0; i < frame.size(); ++i) {
        agent.now += 4s;
        ASSERT_TRUE(agent.end.link->receive(ByteView(frame).subspan(i, 1), agent.now));
        ASSERT_TRUE(agent.end.link->on_time(agent.now));
    }
    EXPECT_TRUE(agent.take(FrameKind::Ping).empty());
}

TEST_F(LinkRules, APeerThatAcknowledgesNothingFor30SecondsIsStuck) {
    gateway.open({.send_bytes = 10, .holds_end_back = true});
    static_cast<void>(gateway.take());
    for (int i = 0; i < 29; ++i) {
        gateway.now += 1s;
        ASSERT_TRUE(gateway.feed(FrameKind::Ping, 0, wire::Ping{1}));
        ASSERT_TRUE(gateway.end.link->on_time(gateway.now));
    }
    gateway.now += 1s;
    ASSERT_TRUE(gateway.feed(FrameKind::Ping, 0, wire::Ping{1}));
    expect_refused(gateway.end.link->on_time(gateway.now), Errc::TimedOut);
}

TEST_F(LinkRules, AnAnsweredPingMeasuresTheRoundTrip) {
    Link& link = *agent.end.link;
    link.ping(agent.now);
    const auto pings = agent.take(FrameKind::Ping);
    ASSERT_EQ(pings.size(), 1U);
    EXPECT_EQ(link.round_trip(), Duration{});
    agent.now += 30ms;
    ASSERT_TRUE(agent.feed(FrameKind::Pong, 0, pings.front().payload));
    EXPECT_EQ(link.round_trip(), 30ms);
    EXPECT_EQ(link.last_heard(), agent.now);
}

TEST_F(LinkRules, NothingLeavesPastThePeersLimits) {
    MuxPeer peer(Role::Gateway);
    wire::Hello hello;
    hello.link_limit = 5'000;
    hello.stream_limit = 3'000;
    peer.end.send(FrameKind::Hello, 0, hello);
    ASSERT_TRUE(peer.feed(FrameKind::Hello, 0, hello));
    ASSERT_TRUE(peer.feed(FrameKind::Login, 0, wire::Login()));
    ASSERT_TRUE(peer.feed(FrameKind::FinishRegister, 0, ""));
    for (int i = 0; i < 3; ++i) {
        peer.open({.send_bytes = 100'000});
    }
    std::map<std::uint32_t, std::size_t> sent;
    for (const auto& frame : peer.take(FrameKind::Data)) {
        sent[frame.id] += frame.payload.size();
    }
    EXPECT_EQ(sent[1], 3'000U);
    EXPECT_EQ(peer.sent_position, 5'000U);
    EXPECT_FALSE(peer.end.link->has_output());
    // The reserve is for what is not Data.
    peer.end.link->reset(StreamId{1}, wire::ResetReason::Aborted, "gone");
    EXPECT_EQ(peer.take(FrameKind::Reset).size(), 1U);
    ASSERT_TRUE(peer.feed(FrameKind::Ack, 0, wire::Ack{0, 8'000}));
    EXPECT_FALSE(peer.take(FrameKind::Data).empty());
    EXPECT_LE(peer.sent_position, 8'000U);
}

TEST_F(LinkRules, TheRingIsBoundedWhateverThePeerAllows) {
    MuxPeer peer(Role::Gateway);
    wire::Hello hello;
    hello.link_limit = std::uint64_t{1} << 40U;
    hello.stream_limit = std::uint64_t{1} << 40U;
    peer.end.send(FrameKind::Hello, 0, hello);
    ASSERT_TRUE(peer.feed(FrameKind::Hello, 0, hello));
    ASSERT_TRUE(peer.feed(FrameKind::Login, 0, wire::Login()));
    ASSERT_TRUE(peer.feed(FrameKind::FinishRegister, 0, ""));
    peer.open({.send_bytes = std::uint64_t{1} << 30U});
    static_cast<void>(peer.take());
    EXPECT_LE(peer.sent_position, kMaxRingBytes);
    EXPECT_GT(peer.sent_position, kMaxRingBytes - 2 * 16'384);
}

TEST(LinkBounds, TheRingIsSmallWhileMemoryIsTight) {
    MemoryBudget budget(100 << 20);
    Link::Options options;
    options.budget = &budget;
    MuxPeer peer(Role::Gateway, options);
    wire::Hello hello;
    hello.link_limit = std::uint64_t{1} << 40U;
    hello.stream_limit = std::uint64_t{1} << 40U;
    peer.end.send(FrameKind::Hello, 0, hello);
    ASSERT_TRUE(peer.feed(FrameKind::Hello, 0, hello));
    ASSERT_TRUE(peer.feed(FrameKind::Login, 0, wire::Login()));
    ASSERT_TRUE(peer.feed(FrameKind::FinishRegister, 0, ""));
    budget.take(90 << 20);
    const StreamId id = peer.open({.send_bytes = std::uint64_t{1} << 30U});
    static_cast<void>(peer.take());
    EXPECT_LE(peer.sent_position, kTightRingBytes);
    EXPECT_GT(peer.sent_position, kTightRingBytes - 2 * 16'384);
    // What is acknowledged makes room, and control frames need none.
    ASSERT_TRUE(peer.feed(FrameKind::Ack, 0, wire::Ack{peer.sent_position, 0}));
    EXPECT_FALSE(peer.take(FrameKind::Data).empty());
    peer.end.link->reset(id, wire::ResetReason::Aborted, "gone");
    EXPECT_EQ(peer.take(FrameKind::Reset).size(), 1U);
    budget.give_back(90 << 20);
    peer.open({.send_bytes = std::uint64_t{1} << 30U});
    static_cast<void>(peer.take());
    EXPECT_GT(peer.sent_position, kMaxRingBytes);
}

TEST_F(LinkRules, LimitsWithoutEndAreTakenAsSuch) {
    // Past the control reserve, where a sum that wraps would stop the End.
    constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
    MuxPeer by_hello(Role::Gateway);
    wire::Hello hello;
    hello.link_limit = kNoLimit;
    hello.stream_limit = kNoLimit;
    by_hello.end.send(FrameKind::Hello, 0, hello);
    ASSERT_TRUE(by_hello.feed(FrameKind::Hello, 0, hello));
    ASSERT_TRUE(by_hello.feed(FrameKind::Login, 0, wire::Login()));
    ASSERT_TRUE(by_hello.feed(FrameKind::FinishRegister, 0, ""));
    by_hello.open({.send_bytes = 1'000'000});
    EXPECT_EQ(by_hello.take(FrameKind::End).size(), 1U);
    gateway.open({.send_bytes = 1'000'000});
    ASSERT_TRUE(gateway.feed(FrameKind::Ack, 0, wire::Ack{0, kNoLimit}));
    EXPECT_EQ(gateway.take(FrameKind::End).size(), 1U);
}

TEST_F(LinkRules, NoWindowFollowsThePeersEnd) {
    const StreamId id = agent.open(kOpenEnded);
    // More than half of the window was taken, so a Window waits; the End comes before it leaves.
    for (std::uint64_t sent = 0; sent <= kInitialStreamWindowBytes / 2; sent += 16'000) {
        ASSERT_TRUE(agent.data(id.value, 16'000));
    }
    ASSERT_TRUE(agent.feed(FrameKind::End, id.value, ""));
    EXPECT_TRUE(agent.take(FrameKind::Window).empty());
    // One that left before the End is not taken back.
    const StreamId other = agent.open(kOpenEnded);
    for (std::uint64_t sent = 0; sent <= kInitialStreamWindowBytes / 2; sent += 16'000) {
        ASSERT_TRUE(agent.data(other.value, 16'000));
    }
    EXPECT_EQ(agent.take(FrameKind::Window).size(), 1U);
}

TEST_F(LinkRules, EveryKindFromTheWrongSideEndsTheSession) {
    for (const FrameKind kind : {FrameKind::Welcome, FrameKind::Ok, FrameKind::Error,
                                 FrameKind::Open, FrameKind::Refused, FrameKind::Resumed}) {
        MuxPeer peer(Role::Gateway);
        peer.open_session();
        expect_refused(peer.feed(kind, 0, ""), Errc::ProtocolViolation);
    }
    for (const FrameKind kind : {FrameKind::Login, FrameKind::Register, FrameKind::FinishRegister,
                                 FrameKind::Unregister, FrameKind::Join, FrameKind::Resume}) {
        MuxPeer peer(Role::Agent);
        peer.open_session();
        expect_refused(peer.feed(kind, 0, ""), Errc::ProtocolViolation);
    }
}

}  // namespace
}  // namespace diglett::mux
