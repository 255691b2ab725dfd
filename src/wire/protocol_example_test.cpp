// docs/protocol.md, appendix B: every frame of it decodes, and encodes to the same bytes.
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wire/frame_codec.hpp"
#include "wire/frame_reader.hpp"
#include "wire/hex.hpp"
#include "wire/message.hpp"

namespace diglett::wire {
namespace {

struct Example {
    std::string label;  ///< "agent: Register, position 56"
    ByteVector bytes;
};

void append_line(const std::string& line, ByteVector& out) {
    std::string digits;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\'') {
            const auto text = line.substr(i + 1, line.rfind('\'') - i - 1);
            const auto bytes = as_bytes(text);
            out.insert(out.end(), bytes.begin(), bytes.end());
            return;
        }
        if (line[i] == ' ') {
            continue;
        }
        digits += line[i];
        if (digits.size() == 2) {
            ASSERT_TRUE(from_hex(digits, MutableBytes(&out.emplace_back(), 1))) << line;
            digits.clear();
        }
    }
    ASSERT_TRUE(digits.empty()) << line;
}

std::vector<Example> read_examples() {
    std::ifstream file("docs/protocol.md");
    std::vector<Example> examples;
    bool in_appendix = false;
    bool in_block = false;
    for (std::string line; std::getline(file, line);) {
        in_appendix = in_appendix || line.starts_with("## Appendix B");
        if (in_appendix && line.starts_with("```")) {
            in_block = !in_block;
        } else if (in_block && line.starts_with("# ")) {
            examples.push_back({line.substr(2), {}});
        } else if (in_block) {
            append_line(line, examples.back().bytes);
        }
    }
    return examples;
}

template <class Message>
void expect_same_encoding(ByteView payload) {
    const auto message = decode<Message>(payload);
    ASSERT_TRUE(message) << message.error().text;
    ByteVector encoded;
    encode(*message, encoded);
    EXPECT_EQ(as_text(encoded), as_text(payload));
}

void expect_known_payload(FrameKind kind, ByteView payload) {
    switch (kind) {
        case FrameKind::Hello:
            return expect_same_encoding<Hello>(payload);
        case FrameKind::Login:
            return expect_same_encoding<Login>(payload);
        case FrameKind::Welcome:
            return expect_same_encoding<Welcome>(payload);
        case FrameKind::Register:
            return expect_same_encoding<Register>(payload);
        case FrameKind::Ok:
            return expect_same_encoding<Registered>(payload);
        case FrameKind::GoAway:
            return expect_same_encoding<Refusal>(payload);
        case FrameKind::Open:
            return expect_same_encoding<Open>(payload);
        case FrameKind::Window:
            return expect_same_encoding<Window>(payload);
        case FrameKind::Reset:
            return expect_same_encoding<Reset>(payload);
        case FrameKind::Ack:
            return expect_same_encoding<Ack>(payload);
        case FrameKind::Ping:
        case FrameKind::Pong:
            return expect_same_encoding<Ping>(payload);
        case FrameKind::FinishRegister:
        case FrameKind::End:
            EXPECT_TRUE(payload.empty());
            return;
        default:
            EXPECT_EQ(kind, FrameKind::Data);
            EXPECT_FALSE(payload.empty());
    }
}

TEST(ProtocolExample, IsWhatThisCodeReadsAndWrites) {
    const auto examples = read_examples();
    ASSERT_EQ(examples.size(), 20U);
    std::map<std::string, std::uint64_t> positions;
    for (const auto& example : examples) {
        SCOPED_TRACE(example.label);
        FrameReader reader(kProtocol2Frames);
        int frames = 0;
        const auto status =
            reader.read(example.bytes, [&](const FrameHeader& header, ByteView payload) {
                ++frames;
                expect_known_payload(header.kind, payload);
                const auto sender = example.label.substr(0, example.label.find(':'));
                auto label = fmt::format("{}: {}", sender, to_string(header.kind));
                if (is_logged(header.kind)) {
                    positions[sender] += kHeaderBytes + header.size;
                    label += fmt::format(", position {}", positions[sender]);
                }
                EXPECT_EQ(label, example.label);
                return Status();
            });
        ASSERT_TRUE(status) << status.error().text;
        EXPECT_EQ(frames, 1);
        EXPECT_TRUE(reader.at_boundary());
    }
}

// The example acknowledges the journals up to where they are.
TEST(ProtocolExample, AcknowledgesTheRightPositions) {
    std::vector<std::uint64_t> received;
    for (const auto& example : read_examples()) {
        if (example.label.find("Ack") != std::string::npos) {
            const auto ack = decode<Ack>(ByteView(example.bytes).subspan(kHeaderBytes));
            ASSERT_TRUE(ack);
            received.push_back(ack->received);
        }
    }
    EXPECT_EQ(received, (std::vector<std::uint64_t>{128, 102}));
}

}  // namespace
}  // namespace diglett::wire
