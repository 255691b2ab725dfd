#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/encoding.hpp"
#include "mux/link.hpp"
#include "test/support/fake_stream_io.hpp"
#include "test/support/v1_vectors.hpp"
#include "wire/frame_codec.hpp"
#include "wire/frame_reader.hpp"
#include "wire/message.hpp"

/// Conversations of protocol 2 in test/vectors/v2 (its README says what is in them).
namespace diglett::test {

/// One frame of a conversation.
struct TranscriptStep {
    bool is_from_agent;
    std::uint64_t at_ms;  ///< Since the carrier was ready.
    wire::FrameKind kind;
    std::uint32_t id;
    ByteVector payload;
};

struct Transcript2 {
    std::string name;
    std::vector<TranscriptStep> steps;
};

inline const TimePoint kTranscriptStart = TimePoint{} + std::chrono::hours(1);

/// One end of a conversation: a Link, its owner and the outer ends of its streams.
class TranscriptSide final : public mux::MultiplexerEvents {
  public:
    using Frame = std::pair<wire::FrameKind, std::pair<std::uint32_t, ByteVector>>;

    explicit TranscriptSide(mux::Role role) : link_(with_role(role), pool_, *this, now_) {}

    void on_open(StreamId stream, const wire::Open&) override {
        ios[stream.value] = std::make_shared<FakeStreamIo>();
        link_.attach(stream, ios[stream.value], now_);
    }

    [[nodiscard]] Status on_message(wire::FrameKind, std::uint32_t, ByteView) override {
        return {};
    }

    void on_stream_ended(StreamId) override {}

    void set_time(std::uint64_t ms) {
        now_ = kTranscriptStart + std::chrono::milliseconds(ms);
        while (link_.deadline() <= now_) {
            const auto before = link_.deadline();
            EXPECT_TRUE(link_.on_time(now_));
            if (link_.deadline() == before) {
                break;
            }
        }
    }

    /// Feeds one frame in pieces of at most `piece` bytes.
    [[nodiscard]] Status receive(const TranscriptStep& step, std::size_t piece = SIZE_MAX) {
        ByteVector bytes;
        wire::append_frame(step.kind, step.id, step.payload, bytes);
        for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
            const auto part = ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at));
            if (auto taken = link_.receive(part, now_); !taken) {
                return taken;
            }
        }
        return {};
    }

    /// Does what makes this end send the frame.
    void act(const TranscriptStep& step) {
        using enum wire::FrameKind;
        const StreamId stream{step.id};
        switch (step.kind) {
            case Ack:
            case Pong:
            case Window:
                return;  // the link's own
            case Ping:
                return link_.ping(now_);
            case Open: {
                auto io = std::make_shared<FakeStreamIo>();
                const auto open = wire::decode<wire::Open>(step.payload).value();
                EXPECT_EQ(link_.open(io, open, now_).value(), stream);
                ios[step.id] = std::move(io);
                return;
            }
            case Data:
                ios.at(step.id)->to_read += as_text(step.payload);
                return link_.readable(stream, now_);
            case End:
                ios.at(step.id)->sends_fin = true;
                return link_.readable(stream, now_);
            case Reset: {
                const auto reset = wire::decode<wire::Reset>(step.payload).value();
                return link_.reset(stream, reset.reason, reset.text);
            }
            default:
                EXPECT_TRUE(link_.send_message(step.kind, step.id, step.payload));
        }
    }

    /// All that the link wants to send now.
    std::vector<Frame> take() {
        ByteVector bytes;
        while (link_.has_output()) {
            const auto before = bytes.size();
            for (const ByteView part : link_.next_batch(now_)) {
                bytes.insert(bytes.end(), part.begin(), part.end());
            }
            if (bytes.size() == before) {
                break;
            }
        }
        std::vector<Frame> frames;
        wire::FrameReader reader(wire::kProtocol2Frames);
        EXPECT_TRUE(reader.read(bytes, [&](const wire::FrameHeader& header, ByteView payload) {
            frames.push_back(
                {header.kind, {header.id, ByteVector(payload.begin(), payload.end())}});
            return Status{};
        }));
        return frames;
    }

    [[nodiscard]] const mux::Link& link() const { return link_; }

    std::map<std::uint32_t, std::shared_ptr<FakeStreamIo>> ios;

  private:
    static mux::Link::Options with_role(mux::Role role) {
        mux::Link::Options options;
        options.role = role;
        return options;
    }

    TimePoint now_ = kTranscriptStart;
    mux::ChunkPool pool_{4};
    mux::Link link_;
};

/// Two Links that talk to each other while every frame is written down.
class TranscriptRecorder {
  public:
    explicit TranscriptRecorder(std::string name) { transcript.name = std::move(name); }

    /// One end does something; then both say what they have to say until they are quiet.
    template <class Message>
    void agent(wire::FrameKind kind, std::uint32_t id, const Message& message) {
        act(true, kind, id, message);
    }

    template <class Message>
    void gateway(wire::FrameKind kind, std::uint32_t id, const Message& message) {
        act(false, kind, id, message);
    }

    void pass(std::uint64_t ms) {
        at_ms_ += ms;
        agent_.set_time(at_ms_);
        gateway_.set_time(at_ms_);
        settle();
    }

    void settle() {
        while (carry(agent_, gateway_, true) || carry(gateway_, agent_, false)) {
        }
    }

    Transcript2 transcript;

  private:
    template <class Message>
    void act(bool is_agent, wire::FrameKind kind, std::uint32_t id, const Message& message) {
        TranscriptStep step{is_agent, at_ms_, kind, id, {}};
        if constexpr (std::is_convertible_v<const Message&, ByteView>) {
            const ByteView bytes = message;
            step.payload.assign(bytes.begin(), bytes.end());
        } else {
            wire::encode(message, step.payload);
        }
        (is_agent ? agent_ : gateway_).act(step);
    }

    bool carry(TranscriptSide& from, TranscriptSide& to, bool is_agent) {
        const auto frames = from.take();
        for (const auto& [kind, rest] : frames) {
            TranscriptStep step{is_agent, at_ms_, kind, rest.first, rest.second};
            EXPECT_TRUE(to.receive(step));
            transcript.steps.push_back(std::move(step));
        }
        return !frames.empty();
    }

    std::uint64_t at_ms_ = 0;
    TranscriptSide agent_{mux::Role::Agent};
    TranscriptSide gateway_{mux::Role::Gateway};
};

/// Long contents are v1_pattern(size, seed) from some offset: they are written as that.
inline constexpr std::size_t kContentSeed = 5;
inline constexpr std::size_t kLongPayload = 256;

inline std::string to_json(const std::vector<Transcript2>& transcripts) {
    std::string text = "[";
    for (const auto& transcript : transcripts) {
        std::map<std::pair<bool, std::uint32_t>, std::size_t> offsets;
        text += fmt::format("{}\n {{\"name\": \"{}\", \"steps\": [", text.size() > 1 ? "," : "",
                            transcript.name);
        bool is_first = true;
        for (const auto& step : transcript.steps) {
            text += fmt::format(
                "{}\n  {{\"from\": \"{}\", \"at_ms\": {}, \"frame\": \"{}\", \"kind\": {}, "
                "\"id\": {}, \"size\": {}, ",
                is_first ? "" : ",", step.is_from_agent ? "agent" : "gateway", step.at_ms,
                wire::to_string(step.kind), static_cast<int>(step.kind), step.id,
                step.payload.size());
            is_first = false;
            auto& offset = offsets[{step.is_from_agent, step.id}];
            const bool is_data = step.kind == wire::FrameKind::Data;
            const bool is_pattern =
                is_data && step.payload == v1_pattern(step.payload.size(), kContentSeed, offset);
            text += is_pattern && step.payload.size() >= kLongPayload
                        ? fmt::format("\"pattern_offset\": {}}}", offset)
                        : fmt::format("\"payload\": \"{}\"}}", crypto::to_hex(step.payload));
            offset += is_data ? step.payload.size() : 0;
        }
        text += "\n ]}";
    }
    return text + "\n]\n";
}

inline std::vector<Transcript2> transcripts_from_json(const std::string& text) {
    std::vector<Transcript2> transcripts;
    const auto file = boost::json::parse(text);
    for (const auto& each : file.as_array()) {
        Transcript2 transcript{std::string(text_at(each, "name")), {}};
        for (const auto& step : each.at("steps").as_array()) {
            const bool is_pattern = step.as_object().contains("pattern_offset");
            const std::size_t size = number_at(step, "size");
            transcript.steps.push_back(
                {.is_from_agent = text_at(step, "from") == "agent",
                 .at_ms = number_at(step, "at_ms"),
                 .kind = static_cast<wire::FrameKind>(number_at(step, "kind")),
                 .id = static_cast<std::uint32_t>(number_at(step, "id")),
                 .payload = is_pattern
                                ? v1_pattern(size, kContentSeed, number_at(step, "pattern_offset"))
                                : hex_at(step, "payload")});
            EXPECT_EQ(transcript.steps.back().payload.size(), size);
        }
        transcripts.push_back(std::move(transcript));
    }
    return transcripts;
}

inline std::string read_v2_vectors() {
    std::ifstream file(std::string(DIGLETT_VECTORS) + "/v2/conversations.json");
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace diglett::test
