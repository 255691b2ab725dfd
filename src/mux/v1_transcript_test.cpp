#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mux/v1_link.hpp"
#include "test/support/v1_peer.hpp"
#include "test/support/v1_vectors.hpp"

// Conversations of the original program (test/vectors/v1/transcripts.json), each role played by a
// V1Link, the bytes arriving in pieces of every size.

namespace diglett::mux {
namespace {

using test::FakeStreamIo;
using test::V1Frame;
using test::V1Side;
using wire::FrameKind;

struct Step {
    bool is_from_agent;
    V1Frame frame;
};

struct Transcript {
    std::string name;
    std::vector<Step> steps;
};

std::vector<Transcript> load() {
    std::vector<Transcript> transcripts;
    const boost::json::value file = test::load_v1_vectors("transcripts.json");
    for (const boost::json::value& each : file.as_array()) {
        Transcript transcript{std::string(test::text_at(each, "name")), {}};
        for (const boost::json::value& step : each.at("steps").as_array()) {
            transcript.steps.push_back({test::text_at(step, "from") == "agent",
                                        {static_cast<FrameKind>(test::number_at(step, "kind")),
                                         static_cast<std::uint32_t>(test::number_at(step, "id")),
                                         std::string(as_text(test::v1_payload(step)))}});
        }
        transcripts.push_back(std::move(transcript));
    }
    return transcripts;
}

bool is_stream_frame(const V1Frame& frame) {
    return frame.kind == FrameKind::Data || frame.kind == FrameKind::End;
}

std::vector<V1Frame> conversation(const std::vector<V1Frame>& frames) {
    std::vector<V1Frame> kept;
    std::ranges::copy_if(frames, std::back_inserter(kept),
                         [](const V1Frame& frame) { return !is_stream_frame(frame); });
    return kept;
}

std::vector<V1Frame> conversation_of(const Transcript& transcript, bool from_agent) {
    std::vector<V1Frame> frames;
    for (const Step& step : transcript.steps) {
        if (step.is_from_agent == from_agent) {
            frames.push_back(step.frame);
        }
    }
    return conversation(frames);
}

/// A V1Link as the gateway of a transcript. Its ids are its own, so they are translated.
class GatewayReplay {
  public:
    GatewayReplay(const Transcript& transcript, std::size_t piece)
        : transcript_(transcript), piece_(piece) {}

    void run() {
        for (std::size_t i = 0; i < transcript_.steps.size(); ++i) {
            const Step& step = transcript_.steps[i];
            if (!step.is_from_agent) {
                visitor_acts(step.frame);
                continue;
            }
            if (i + 1 < transcript_.steps.size() && !transcript_.steps[i + 1].is_from_agent) {
                side_.answer = transcript_.steps[i + 1].frame.kind;
                side_.answer_text = transcript_.steps[i + 1].frame.payload;
            }
            agent_sends(step.frame);
        }
        take_sent();
    }

    [[nodiscard]] const std::vector<V1Frame>& all_sent() const { return sent_; }

    void expect_whole_streams() {
        for (const auto& [id, io] : visitors_) {
            EXPECT_TRUE(io->written == to_visitor_[id]) << "visitor " << id;
            EXPECT_TRUE(sent_data_[wire_ids_[id]] == from_visitor_[id]) << "visitor " << id;
        }
    }

  private:
    void visitor_acts(const V1Frame& frame) {
        if (!is_stream_frame(frame)) {
            return;
        }
        if (!visitors_.contains(frame.id)) {
            const auto [id, io] = side_.visitor();
            visitors_[frame.id] = io;
            wire_ids_[frame.id] = id.value;
        }
        FakeStreamIo& io = *visitors_[frame.id];
        if (frame.kind == FrameKind::Data) {
            io.to_read += frame.payload;
            from_visitor_[frame.id] += frame.payload;
        } else {
            io.sends_fin = true;
        }
        side_.link.readable(StreamId{wire_ids_[frame.id]}, side_.now);
        take_sent();
    }

    void agent_sends(V1Frame frame) {
        if (is_stream_frame(frame) && !visitors_.contains(frame.id)) {
            frame.id = 0xdeadbeef;  // Not open there either; its number might be one of ours.
        } else if (is_stream_frame(frame)) {
            if (frame.kind == FrameKind::Data) {
                to_visitor_[frame.id] += frame.payload;
            }
            frame.id = wire_ids_[frame.id];
        }
        // An error is right where the transcript has one; what was sent tells.
        (void)side_.receive(encode(frame), piece_);
        take_sent();
    }

    void take_sent() {
        for (V1Frame& frame : side_.sent()) {
            if (frame.kind == FrameKind::Data) {
                sent_data_[frame.id] += frame.payload;
            }
            sent_.push_back(std::move(frame));
        }
    }

    const Transcript& transcript_;
    std::size_t piece_;
    V1Side side_{V1Link::Options{.role = Role::Gateway}};
    std::vector<V1Frame> sent_;
    std::map<std::uint32_t, std::shared_ptr<FakeStreamIo>> visitors_;
    std::map<std::uint32_t, std::uint32_t> wire_ids_;
    std::map<std::uint32_t, std::string> to_visitor_;
    std::map<std::uint32_t, std::string> from_visitor_;
    std::map<std::uint32_t, std::string> sent_data_;
};

/// A V1Link as the agent of a transcript, whose own frames are sent as the transcript says.
class AgentReplay {
  public:
    AgentReplay(const Transcript& transcript, std::size_t piece)
        : transcript_(transcript), piece_(piece) {}

    void run() {
        for (const Step& step : transcript_.steps) {
            if (!step.is_from_agent) {
                gateway_sends(step.frame);
            } else if (is_stream_frame(step.frame)) {
                backend_acts(step.frame);
            } else {
                ASSERT_TRUE(
                    side_.link
                        .send_message(step.frame.kind, step.frame.id, as_bytes(step.frame.payload))
                        .has_value());
            }
        }
        take_sent();
    }

    [[nodiscard]] const std::vector<V1Frame>& all_sent() const { return sent_; }

    [[nodiscard]] const std::vector<V1Frame>& heard() const { return side_.messages; }

    void expect_whole_streams() {
        std::map<std::uint32_t, std::string> from_backend;
        std::size_t closes = 0;
        for (const V1Frame& frame : sent_) {
            from_backend[frame.id] += frame.kind == FrameKind::Data ? frame.payload : "";
            closes += frame.kind == FrameKind::End ? 1 : 0;
        }
        EXPECT_EQ(closes, closes_);
        for (const auto& [id, text] : from_backend_) {
            EXPECT_TRUE(from_backend[id] == text) << "backend " << id;
        }
        for (const auto& [id, io] : backends_) {
            EXPECT_TRUE(io->written == to_backend_[id]) << "backend " << id;
        }
    }

  private:
    void gateway_sends(const V1Frame& frame) {
        ASSERT_TRUE(side_.receive(encode(frame), piece_).has_value());
        if (frame.kind == FrameKind::Data) {
            if (!backends_.contains(frame.id)) {
                ASSERT_EQ(side_.opened.size(), backends_.size() + 1);
                backends_[frame.id] = side_.ios.back();
                streams_[frame.id] = side_.opened.back();
            }
            to_backend_[frame.id] += frame.payload;
        }
    }

    void backend_acts(const V1Frame& frame) {
        if (!backends_.contains(frame.id)) {
            return;  // For a stream that the gateway never opened: only a test would send it.
        }
        FakeStreamIo& io = *backends_[frame.id];
        if (frame.kind == FrameKind::Data) {
            io.to_read += frame.payload;
            from_backend_[frame.id] += frame.payload;
        } else {
            io.sends_fin = true;
            ++closes_;
        }
        side_.link.readable(streams_[frame.id], side_.now);
        take_sent();
    }

    void take_sent() {
        for (V1Frame& frame : side_.sent()) {
            sent_.push_back(std::move(frame));
        }
    }

    const Transcript& transcript_;
    std::size_t piece_;
    V1Side side_{V1Link::Options{.role = Role::Agent}};
    std::vector<V1Frame> sent_;
    std::map<std::uint32_t, std::shared_ptr<FakeStreamIo>> backends_;
    std::map<std::uint32_t, StreamId> streams_;
    std::map<std::uint32_t, std::string> to_backend_;
    std::map<std::uint32_t, std::string> from_backend_;
    std::size_t closes_ = 0;
};

TEST(V1Transcripts, AreAllThere) {
    EXPECT_EQ(load().size(), 22U);
}

TEST(V1Transcripts, GatewayAnswersAsTheOriginalInPiecesOfEverySize) {
    for (const Transcript& transcript : load()) {
        for (const std::size_t piece : {1U, 2U, 3U, 7U, 8U, 4096U, 70'000U}) {
            SCOPED_TRACE(transcript.name + " in pieces of " + std::to_string(piece));
            GatewayReplay replay(transcript, piece);
            replay.run();
            EXPECT_EQ(conversation(replay.all_sent()), conversation_of(transcript, false));
            replay.expect_whole_streams();
        }
    }
}

TEST(V1Transcripts, AgentActsAsTheOriginalInPiecesOfEverySize) {
    for (const Transcript& transcript : load()) {
        // What the original agent never does by itself is not an agent's conversation.
        if (transcript.name == "sizes_to_gateway" || transcript.name == "register_before_login" ||
            transcript.name.ends_with("before_login") || transcript.name == "login_twice" ||
            transcript.name == "payload_before_finish" ||
            transcript.name == "finish_without_register" || transcript.name == "second_register") {
            continue;
        }
        for (const std::size_t piece : {1U, 2U, 3U, 7U, 8U, 4096U, 70'000U}) {
            SCOPED_TRACE(transcript.name + " in pieces of " + std::to_string(piece));
            AgentReplay replay(transcript, piece);
            replay.run();
            EXPECT_EQ(conversation(replay.all_sent()), conversation_of(transcript, true));
            EXPECT_EQ(conversation(replay.heard()), conversation_of(transcript, false));
            replay.expect_whole_streams();
        }
    }
}

/// A whole session in one buffer, cut in two at every byte: the same effect each time.
TEST(V1Transcripts, AnyCutOfASessionIsTheSame) {
    ByteVector session;
    for (const V1Frame& frame :
         {V1Frame{FrameKind::Login, 0, "token"}, V1Frame{FrameKind::Register, 0, "example"},
          V1Frame{FrameKind::FinishRegister}, V1Frame{FrameKind::Data, 1, ""},
          V1Frame{FrameKind::Data, 1, "hello"}, V1Frame{FrameKind::End, 1, "extra"}}) {
        const ByteVector bytes = encode(frame);
        session.insert(session.end(), bytes.begin(), bytes.end());
    }
    for (std::size_t cut = 0; cut <= session.size(); ++cut) {
        V1Side side(V1Link::Options{.role = Role::Gateway});
        ASSERT_TRUE(side.receive(ByteView(session).first(cut)).has_value()) << cut;
        ASSERT_TRUE(side.receive(ByteView(session).subspan(cut)).has_value()) << cut;
        EXPECT_EQ(side.messages.size(), 3U) << cut;
        EXPECT_EQ(side.sent().size(), 2U) << cut;
        EXPECT_TRUE(side.link.open(std::make_shared<FakeStreamIo>(), {}, side.now).has_value());
    }
}

}  // namespace
}  // namespace diglett::mux
