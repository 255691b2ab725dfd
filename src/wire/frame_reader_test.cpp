#include "wire/frame_reader.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace diglett::wire {
namespace {

struct Frame {
    FrameHeader header;
    std::string payload;
    friend bool operator==(const Frame&, const Frame&) = default;
};

ByteVector bytes_of(const std::vector<Frame>& frames) {
    ByteVector bytes;
    for (const auto& frame : frames) {
        append_frame(frame.header.kind, frame.header.id, as_bytes(frame.payload), bytes);
    }
    return bytes;
}

Frame frame(FrameKind kind, std::uint32_t id, std::string payload) {
    const auto size = static_cast<std::uint16_t>(payload.size());
    return {{kind, id, size}, std::move(payload)};
}

/// Collects what a reader hands on; fails with Cancelled at frame number `fail_at`.
struct Collector {
    std::vector<Frame> frames;
    std::size_t fail_at = SIZE_MAX;

    Status operator()(const FrameHeader& header, ByteView payload) {
        if (frames.size() == fail_at) {
            return fail(Errc::Cancelled, "enough");
        }
        frames.push_back({header, std::string(as_text(payload))});
        return {};
    }
};

const std::vector<Frame>& sample() {
    static const std::vector<Frame> frames{
        frame(FrameKind::Hello, 0, "{}"),
        frame(FrameKind::FinishRegister, 0, ""),
        frame(FrameKind::Data, 1, "GET / HTTP/1.1\r\n\r\n"),
        frame(FrameKind::End, 1, ""),
        frame(FrameKind::Data, 0xffff'ffff, "x"),
    };
    return frames;
}

TEST(FrameReader, HandsOnWholeFramesWhereTheyLie) {
    const auto input = bytes_of(sample());
    FrameReader reader(kProtocol2Frames);
    std::size_t position = 0;
    const auto status = reader.read(input, [&](const FrameHeader& header, ByteView payload) {
        EXPECT_EQ(payload.data(), input.data() + position + kHeaderBytes);
        position += kHeaderBytes + header.size;
        return Status();
    });
    EXPECT_TRUE(status);
    EXPECT_EQ(position, input.size());
    EXPECT_TRUE(reader.at_boundary());
}

TEST(FrameReader, GivesTheSameFramesWhereverTheInputIsCut) {
    const auto input = bytes_of(sample());
    for (std::size_t first = 0; first <= input.size(); ++first) {
        for (std::size_t second = first; second <= input.size(); ++second) {
            FrameReader reader(kProtocol2Frames);
            Collector seen;
            const ByteView all(input);
            ASSERT_TRUE(reader.read(all.first(first), seen));
            ASSERT_TRUE(reader.read(all.subspan(first, second - first), seen));
            ASSERT_TRUE(reader.read(all.subspan(second), seen));
            ASSERT_EQ(seen.frames, sample()) << first << " " << second;
            ASSERT_TRUE(reader.at_boundary());
        }
    }
}

TEST(FrameReader, TakesOneByteAtATime) {
    const auto input = bytes_of(sample());
    FrameReader reader(kProtocol2Frames);
    Collector seen;
    for (const auto& byte : input) {
        ASSERT_TRUE(reader.read({&byte, 1}, seen));
    }
    EXPECT_EQ(seen.frames, sample());
    EXPECT_EQ(reader.buffered(), 0U);
}

TEST(FrameReader, CountsAndDropsTheHalfFrame) {
    const auto input = bytes_of({frame(FrameKind::Data, 1, "hello")});
    FrameReader reader(kProtocol2Frames);
    Collector seen;
    ASSERT_TRUE(reader.read(ByteView(input).first(9), seen));
    EXPECT_FALSE(reader.at_boundary());
    EXPECT_EQ(reader.buffered(), 9U);
    reader.drop_partial();
    EXPECT_TRUE(reader.at_boundary());
    ASSERT_TRUE(reader.read(input, seen));
    EXPECT_EQ(seen.frames.size(), 1U);
}

TEST(FrameReader, StopsAtTheFirstErrorOfTheSink) {
    const auto input = bytes_of(sample());
    for (std::size_t cut = 0; cut < input.size(); ++cut) {
        FrameReader reader(kProtocol2Frames);
        Collector seen{.frames = {}, .fail_at = 2};
        auto status = reader.read(ByteView(input).first(cut), seen);
        if (status) {
            status = reader.read(ByteView(input).subspan(cut), seen);
        }
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, Errc::Cancelled);
        EXPECT_EQ(seen.frames.size(), 2U);
    }
}

TEST(FrameReader, TakesTheLargestFrameOfEachProtocol) {
    for (const auto& limits : {kProtocol1Frames, kProtocol2Frames}) {
        const std::vector<Frame> largest{
            frame(FrameKind::Data, 1, std::string(limits.max_payload_bytes, 'x'))};
        const auto input = bytes_of(largest);
        FrameReader reader(limits);
        Collector seen;
        ASSERT_TRUE(reader.read(ByteView(input).first(input.size() - 1), seen));
        EXPECT_EQ(reader.buffered(), input.size() - 1);
        ASSERT_TRUE(reader.read(ByteView(input).last(1), seen));
        EXPECT_EQ(seen.frames, largest);
    }
}

TEST(FrameReader, RefusesABadHeaderBeforeItsPayload) {
    const struct {
        FrameLimits limits;
        FrameHeader header;
        const char* what;
    } cases[] = {
        {kProtocol2Frames, {FrameKind{22}, 0, 100}, "first unknown kind"},
        {kProtocol2Frames, {FrameKind{38}, 0, 100}, "kind 6 + 32: no shift may wrap"},
        {kProtocol2Frames, {FrameKind{255}, 0, 100}, "last kind"},
        {kProtocol2Frames, {FrameKind::Terminate, 0, 0}, "protocol 2 has no Terminate"},
        {kProtocol2Frames, {FrameKind::Data, 1, kMaxDataBytes + 1}, "too long"},
        {kProtocol2Frames, {FrameKind::Hello, 0, 65'535}, "far too long"},
        {kProtocol1Frames, {FrameKind::Hello, 0, 0}, "protocol 1 has no Hello"},
    };

    for (const auto& bad : cases) {
        ByteVector input(kHeaderBytes);
        store_header(bad.header, input);
        for (std::size_t cut = 0; cut <= kHeaderBytes; ++cut) {
            FrameReader reader(bad.limits);
            Collector seen;
            auto status = reader.read(ByteView(input).first(cut), seen);
            EXPECT_EQ(status.has_value(), cut < kHeaderBytes) << bad.what;
            if (status) {
                status = reader.read(ByteView(input).subspan(cut), seen);
            }
            ASSERT_FALSE(status) << bad.what;
            EXPECT_EQ(status.error().code, Errc::ProtocolViolation);
            EXPECT_TRUE(seen.frames.empty());
        }
    }
}

TEST(FrameReader, AcceptsEveryKindOfItsProtocolAndNoOther) {
    for (unsigned kind = 0; kind < 256; ++kind) {
        ByteVector input(kHeaderBytes);
        store_header({static_cast<FrameKind>(kind), 7, 0}, input);
        EXPECT_EQ(decode_header(input, kProtocol1Frames).has_value(), kind <= 7) << kind;
        EXPECT_EQ(decode_header(input, kProtocol2Frames).has_value(), kind <= 21 && kind != 6)
            << kind;
        EXPECT_EQ(to_string(static_cast<FrameKind>(kind)) == "unknown kind", kind > 21) << kind;
    }
}

TEST(FrameCodec, LaysOutTheHeaderBigEndian) {
    ByteVector out;
    append_frame(FrameKind::Data, 0x0102'0304, as_bytes("ab"), out);
    EXPECT_EQ(as_text(out), std::string_view("\x04\x01\x02\x03\x04\x00\x02"
                                             "ab",
                                             9));
    const auto header = decode_header(out, kProtocol2Frames);
    ASSERT_TRUE(header);
    EXPECT_EQ(*header, (FrameHeader{FrameKind::Data, 0x0102'0304, 2}));
}

// Protocol 4.1 lists them.
TEST(FrameCodec, KnowsWhichKindsCountInPositions) {
    std::string logged;
    for (unsigned kind = 0; kind < 256; ++kind) {
        if (is_logged(static_cast<FrameKind>(kind))) {
            logged += fmt::format("{} ", kind);
        }
    }
    EXPECT_EQ(logged, "0 1 2 3 4 5 10 11 12 13 17 ");
}

TEST(FrameCodecDeathTest, DoesNotLetTheSizeFieldWrap) {
    ByteVector out;
    EXPECT_DEATH(append_frame(FrameKind::Data, 1, ByteVector(65'536), out), "payload.size");
}

}  // namespace
}  // namespace diglett::wire
