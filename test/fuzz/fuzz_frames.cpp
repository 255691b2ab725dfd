// FrameReader and every decoder of protocol 2.
//
// Input: one byte of options, one byte n, n lengths of pieces, then the plaintext. The pieces are
// fed in turn, and again from the first, until all is read. Must hold:
// - frames and verdict are the same as when all comes at once;
// - nothing is kept at a boundary, and never more than one frame;
// - what decodes encodes to what decodes to the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/assert.hpp"
#include "wire/frame_reader.hpp"
#include "wire/message.hpp"
#include "wire/text.hpp"

namespace {

using namespace diglett;
using namespace diglett::wire;

struct Outcome {
    std::vector<std::tuple<FrameKind, std::uint32_t, std::string>> frames;
    bool accepted = true;
    std::size_t buffered = 0;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

template <class Message>
void check_decoder(ByteView payload) {
    const auto message = decode<Message>(payload);
    if (!message) {
        DIGLETT_ASSERT(message.error().code == Errc::ProtocolViolation);
        DIGLETT_ASSERT(!message.error().text.empty());
        return;
    }
    ByteVector encoded;
    encode(*message, encoded);
    const auto again = decode<Message>(encoded);
    DIGLETT_ASSERT(again.has_value());
    if constexpr (std::is_same_v<Message, Reset>) {
        // Its text need not be valid UTF-8, but is when we write it.
        DIGLETT_ASSERT(again->reason == message->reason);
        DIGLETT_ASSERT(clip_text(again->text, kMaxResetTextBytes) == again->text);
    } else {
        DIGLETT_ASSERT(*again == *message);
    }
}

void check_payload(FrameKind kind, ByteView payload) {
    switch (kind) {
        case FrameKind::Ok:
            return check_decoder<Registered>(payload);
        case FrameKind::Error:
        case FrameKind::GoAway:
            return check_decoder<Refusal>(payload);
        case FrameKind::Register:
            return check_decoder<Register>(payload);
        case FrameKind::Login:
            return check_decoder<Login>(payload);
        case FrameKind::Hello:
            return check_decoder<Hello>(payload);
        case FrameKind::Welcome:
            return check_decoder<Welcome>(payload);
        case FrameKind::Open:
            return check_decoder<Open>(payload);
        case FrameKind::Window:
            return check_decoder<Window>(payload);
        case FrameKind::Reset:
            return check_decoder<Reset>(payload);
        case FrameKind::Ack:
            return check_decoder<Ack>(payload);
        case FrameKind::Ping:
        case FrameKind::Pong:
            return check_decoder<Ping>(payload);
        case FrameKind::Join:
        case FrameKind::Resume:
            return check_decoder<Resume>(payload);
        case FrameKind::Resumed:
            return check_decoder<Resumed>(payload);
        case FrameKind::Refused:
            return check_decoder<Refused>(payload);
        default:
            std::ignore = clip_text(as_text(payload), 100);
            return;
    }
}

Outcome run(const FrameLimits& limits, ByteView plaintext, ByteView pieces) {
    Outcome outcome;
    FrameReader reader(limits);
    const auto sink = [&](const FrameHeader& header, ByteView payload) {
        DIGLETT_ASSERT(payload.size() == header.size && header.size <= limits.max_payload_bytes);
        outcome.frames.emplace_back(header.kind, header.id, as_text(payload));
        return Status();
    };
    for (std::size_t i = 0; outcome.accepted && !plaintext.empty(); ++i) {
        std::size_t size = plaintext.size();
        if (!pieces.empty()) {
            const auto piece = std::to_integer<std::size_t>(pieces[i % pieces.size()]);
            size = std::min(size, std::max<std::size_t>(piece, 1));
        }
        outcome.accepted = reader.read(plaintext.first(size), sink).has_value();
        plaintext = plaintext.subspan(size);
        DIGLETT_ASSERT(reader.at_boundary() == (reader.buffered() == 0));
        DIGLETT_ASSERT(reader.buffered() < kHeaderBytes + limits.max_payload_bytes);
    }
    outcome.buffered = outcome.accepted ? reader.buffered() : 0;
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input = std::as_bytes(std::span(data, size));
    if (input.size() < 2) {
        return 0;
    }
    const bool is_v1 = (std::to_integer<unsigned>(input[0]) & 1U) != 0;
    const FrameLimits& limits = is_v1 ? kProtocol1Frames : kProtocol2Frames;
    const auto count = std::min<std::size_t>(std::to_integer<std::size_t>(input[1]), size - 2);
    const ByteView pieces = input.subspan(2, count);
    const ByteView plaintext = input.subspan(2 + count);

    const Outcome whole = run(limits, plaintext, {});
    DIGLETT_ASSERT(run(limits, plaintext, pieces) == whole);
    if (!is_v1) {
        for (const auto& [kind, id, payload] : whole.frames) {
            check_payload(kind, as_bytes(payload));
        }
    }
    return 0;
}
