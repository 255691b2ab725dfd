// The recorded conversations of protocol 2 (test/vectors/v2): today's Link takes every frame of
// them, as either end, and sends the same ones. They are never recorded anew for a version that
// speaks to the ones before it: that is what they prove.
#include "test/support/v2_transcript.hpp"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "crypto/agent_key.hpp"

namespace diglett::gateway {
namespace {

using test::Transcript2;
using test::TranscriptRecorder;
using test::TranscriptSide;
using wire::FrameKind;

wire::Hello hello(const char* software) {
    return {.features = {},
            .software = software,
            .link_limit = mux::kInitialLinkWindowBytes,
            .stream_limit = mux::kInitialStreamWindowBytes};
}

/// Signed over the exporter 00 01 ... 1f with the first key of RFC 8032 section 7.1.
wire::Login login() {
    const auto key = crypto::AgentKey::parse(
                         "ed25519:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
                         .value();
    std::array<std::byte, 32> exporter{};
    for (std::size_t i = 0; i < exporter.size(); ++i) {
        exporter[i] = static_cast<std::byte>(i);
    }
    wire::Login made{.agent_key = key.public_key(),
                     .agent_signature = key.sign_login(exporter),
                     .token = "secret"};
    made.instance.fill(std::byte{0x11});
    return made;
}

wire::Welcome welcome() {
    wire::Welcome made{.identity = "tokens:alice",
                       .max_streams = 65'536,
                       .max_registrations = 64,
                       .next_pins = {}};
    made.session.fill(std::byte{0x22});
    return made;
}

void open_session(TranscriptRecorder& record) {
    record.agent(FrameKind::Hello, 0, hello("agent 1"));
    record.agent(FrameKind::Login, 0, login());
    record.agent(FrameKind::Register, 1, wire::Register{.name = "example"});
    record.agent(FrameKind::Register, 2, wire::Register{.name = "www"});
    record.agent(FrameKind::FinishRegister, 0, ByteView{});
    record.settle();
    record.gateway(FrameKind::Hello, 0, hello("gateway 1"));
    record.gateway(FrameKind::Welcome, 0, welcome());
    record.gateway(FrameKind::Ok, 1,
                   wire::Registered{.name = "example", .generation = 1, .url = "", .port = 35'185});
    record.gateway(FrameKind::Error, 2,
                   wire::Refusal{.code = wire::RefusalCode::NameReserved,
                                 .text = "the name 'www' is reserved"});
    record.settle();
}

wire::Open visitor() {
    wire::Open open;
    open.registration = {1};
    open.visitor = {.family = wire::Address::Family::IPv4, .port = 51'000};
    open.visitor.bytes[0] = std::byte{127};
    open.visitor.bytes[3] = std::byte{1};
    open.gateway = open.visitor;
    open.gateway.port = 35'185;
    return open;
}

ByteVector content(std::size_t size, std::size_t offset = 0) {
    return test::v1_pattern(size, test::kContentSeed, offset);
}

std::vector<Transcript2> record_all() {
    std::vector<Transcript2> all;
    {
        TranscriptRecorder record("opening");
        open_session(record);
        record.pass(60);  // Acks
        all.push_back(record.transcript);
    }
    {
        TranscriptRecorder record("stream");
        open_session(record);
        record.gateway(FrameKind::Open, 1, visitor());
        record.gateway(FrameKind::Data, 1, as_bytes("GET / HTTP/1.0\r\n\r\n"));
        record.gateway(FrameKind::End, 1, ByteView{});
        record.settle();
        record.pass(10);
        record.agent(FrameKind::Data, 1, content(20'000));
        record.settle();
        record.agent(FrameKind::End, 1, ByteView{});
        record.settle();
        record.pass(60);
        all.push_back(record.transcript);
    }
    {
        TranscriptRecorder record("reset");
        open_session(record);
        record.gateway(FrameKind::Open, 1, visitor());
        record.gateway(FrameKind::Open, 2, visitor());
        record.settle();
        record.agent(FrameKind::Reset, 1,
                     wire::Reset{wire::ResetReason::BackendRefused, "connection refused"});
        record.agent(FrameKind::Data, 2, as_bytes("half an ans"));
        record.settle();
        record.pass(5);
        record.gateway(FrameKind::Reset, 2, wire::Reset{wire::ResetReason::Aborted, ""});
        record.settle();
        record.pass(60);
        all.push_back(record.transcript);
    }
    {
        TranscriptRecorder record("credit and liveness");
        open_session(record);
        record.gateway(FrameKind::Open, 1, visitor());
        record.settle();
        for (std::size_t sent = 0; sent < 480'000; sent += 60'000) {
            record.pass(5);
            record.gateway(FrameKind::Data, 1, content(60'000, sent));
            record.agent(FrameKind::Data, 1, content(60'000, sent));
            record.settle();
        }
        record.pass(100);
        record.gateway(FrameKind::Ping, 0, wire::Ping{});
        record.settle();
        record.agent(FrameKind::End, 1, ByteView{});
        record.gateway(FrameKind::End, 1, ByteView{});
        record.settle();
        record.pass(60);
        all.push_back(record.transcript);
    }
    {
        TranscriptRecorder record("going away");
        open_session(record);
        record.gateway(FrameKind::Open, 1, visitor());
        record.settle();
        record.agent(FrameKind::Unregister, 2, ByteView{});
        record.gateway(FrameKind::GoAway, 0,
                       wire::Refusal{.code = wire::RefusalCode::Shutdown,
                                     .text = "the gateway stops",
                                     .deadline_ms = 30'000});
        record.settle();
        record.agent(FrameKind::Data, 1, as_bytes("the last answer"));
        record.agent(FrameKind::End, 1, ByteView{});
        record.gateway(FrameKind::End, 1, ByteView{});
        record.settle();
        record.agent(FrameKind::GoAway, 0,
                     wire::Refusal{.code = wire::RefusalCode::Shutdown, .text = "the agent stops"});
        record.settle();
        record.pass(60);
        all.push_back(record.transcript);
    }
    return all;
}

/// Whether a sender chooses itself when to send it: not compared. (protocol 4.3, 8.1)
bool is_at_will(FrameKind kind) {
    return kind == FrameKind::Ack || kind == FrameKind::Ping || kind == FrameKind::Pong;
}

void replay(const Transcript2& transcript, mux::Role role, std::size_t piece) {
    TranscriptSide side(role);
    std::vector<TranscriptSide::Frame> expected;
    std::vector<TranscriptSide::Frame> sent;
    std::size_t number = 0;
    for (const auto& step : transcript.steps) {
        SCOPED_TRACE(++number);
        side.set_time(step.at_ms);
        if (step.is_from_agent != (role == mux::Role::Agent)) {
            const auto taken = side.receive(step, piece);
            ASSERT_TRUE(taken) << taken.error().text;
            continue;
        }
        side.act(step);
        if (!is_at_will(step.kind)) {
            expected.push_back({step.kind, {step.id, step.payload}});
        }
        for (auto& frame : side.take()) {
            if (!is_at_will(frame.first)) {
                sent.push_back(std::move(frame));
            }
        }
    }
    ASSERT_EQ(sent.size(), expected.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_EQ(sent[i], expected[i]) << i << ' ' << wire::to_string(expected[i].first);
    }
    // Both journals were parsed to their ends, and what came is what the other end's frames say.
    std::map<std::uint32_t, std::string> came;
    std::uint64_t received = 0;
    for (const auto& step : transcript.steps) {
        if (step.is_from_agent != (role == mux::Role::Agent)) {
            received += wire::is_logged(step.kind) ? wire::kHeaderBytes + step.payload.size() : 0;
            if (step.kind == FrameKind::Data) {
                came[step.id] += as_text(step.payload);
            }
        }
    }
    EXPECT_EQ(side.link().figures().received, received);
    for (const auto& [stream, bytes] : came) {
        EXPECT_EQ(side.ios.at(stream)->written == bytes, true) << stream;
    }
}

class Protocol2Vectors : public testing::Test {
  protected:
    std::vector<Transcript2> transcripts_ = test::transcripts_from_json(test::read_v2_vectors());
};

TEST_F(Protocol2Vectors, AreTakenByBothEndsInPiecesOfAnySize) {
    ASSERT_EQ(transcripts_.size(), 5U);
    for (const auto& transcript : transcripts_) {
        SCOPED_TRACE(transcript.name);
        for (const auto role : {mux::Role::Agent, mux::Role::Gateway}) {
            for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
                SCOPED_TRACE(role == mux::Role::Agent ? "as agent" : "as gateway");
                replay(transcript, role, piece);
            }
        }
    }
}

TEST_F(Protocol2Vectors, HoldEveryKindThatASessionUses) {
    std::set<FrameKind> seen;
    for (const auto& transcript : transcripts_) {
        for (const auto& step : transcript.steps) {
            seen.insert(step.kind);
        }
    }
    for (int number = 0; number <= static_cast<int>(FrameKind::GoAway); ++number) {
        const auto kind = static_cast<FrameKind>(number);
        EXPECT_EQ(seen.contains(kind), kind != FrameKind::Terminate) << wire::to_string(kind);
    }
}

/// `DIGLETT_RECORD=FILE gateway_test --gtest_filter=Protocol2Recorder.*` writes conversations as
/// this version holds them, for a version of the protocol that has none yet.
TEST(Protocol2Recorder, WritesWhatItReads) {
    const auto recorded = record_all();
    const auto text = test::to_json(recorded);
    if (const char* const path = std::getenv("DIGLETT_RECORD")) {
        std::ofstream(path) << text;
    }
    const auto read = test::transcripts_from_json(text);
    ASSERT_EQ(read.size(), recorded.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        ASSERT_EQ(read[i].steps.size(), recorded[i].steps.size());
        for (std::size_t step = 0; step < read[i].steps.size(); ++step) {
            EXPECT_EQ(read[i].steps[step].payload, recorded[i].steps[step].payload);
        }
    }
}

}  // namespace
}  // namespace diglett::gateway
