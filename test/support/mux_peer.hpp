#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/mux_pair.hpp"
#include "wire/frame_reader.hpp"

namespace diglett::test {

/// A Link whose peer is the test itself: frames written by hand, in any order and of any content.
class MuxPeer {
  public:
    explicit MuxPeer(mux::Role role, mux::Link::Options options = {})
        : end(with_role(options, role), now) {}

    /// Brings the link to where the test's peer may send stream frames.
    void open_session() {
        wire::Hello hello;
        hello.link_limit = kPeerLimit;
        hello.stream_limit = kPeerLimit;
        end.send(wire::FrameKind::Hello, 0, hello);
        const bool is_gateway = end.options.role == mux::Role::Gateway;
        if (!is_gateway) {
            end.send(wire::FrameKind::Login, 0, wire::Login());
            end.send(wire::FrameKind::FinishRegister, 0, ByteVector());
        }
        EXPECT_TRUE(feed(wire::FrameKind::Hello, 0, hello));
        if (is_gateway) {
            EXPECT_TRUE(feed(wire::FrameKind::Login, 0, wire::Login()));
            EXPECT_TRUE(feed(wire::FrameKind::FinishRegister, 0, ByteVector()));
            end.send(wire::FrameKind::Welcome, 0, wire::Welcome());
        } else {
            EXPECT_TRUE(feed(wire::FrameKind::Welcome, 0, wire::Welcome()));
        }
        static_cast<void>(take());
    }

    Status feed(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload) {
        ByteVector frame;
        wire::append_frame(kind, id, payload, frame);
        return end.link->receive(frame, now);
    }

    Status feed(wire::FrameKind kind, std::uint32_t id, const char* payload) {
        const ByteView bytes = as_bytes(std::string_view(payload));
        return feed(kind, id, ByteVector(bytes.begin(), bytes.end()));
    }

    template <class Message>
    Status feed(wire::FrameKind kind, std::uint32_t id, const Message& message) {
        ByteVector payload;
        wire::encode(message, payload);
        return feed(kind, id, payload);
    }

    Status data(std::uint32_t id, std::size_t bytes) {
        return feed(wire::FrameKind::Data, id, ByteVector(bytes));
    }

    /// A stream opened by whichever end is the gateway; the link's outside end follows `plan`.
    StreamId open(const MemoryIo::Plan& plan) {
        const auto io = std::make_shared<MemoryIo>(plan);
        wire::Open open;
        open.initial_limit = kPeerLimit;
        StreamId id{++opened_};
        if (end.options.role == mux::Role::Gateway) {
            id = end.link->open(io, open, now).value();
        } else {
            EXPECT_TRUE(feed(wire::FrameKind::Open, id.value, open));
            end.link->attach(id, io, now);
        }
        end.ios[id] = io;
        return id;
    }

    struct Frame {
        wire::FrameKind kind;
        std::uint32_t id;
        ByteVector payload;
    };

    /// Everything the link wants to send now.
    std::vector<Frame> take() {
        std::vector<Frame> frames;
        while (end.link->has_output() && end.seal(now) > 0) {
        }
        wire::FrameReader reader(wire::kProtocol2Frames);
        EXPECT_TRUE(reader.read(end.outgoing, [&](const wire::FrameHeader& header, ByteView bytes) {
            frames.push_back({header.kind, header.id, ByteVector(bytes.begin(), bytes.end())});
            sent_position += wire::is_logged(header.kind) ? wire::kHeaderBytes + bytes.size() : 0;
            return Status();
        }));
        EXPECT_TRUE(reader.at_boundary());
        end.outgoing.clear();
        return frames;
    }

    std::vector<Frame> take(wire::FrameKind kind) {
        std::vector<Frame> frames = take();
        std::erase_if(frames, [kind](const Frame& frame) { return frame.kind != kind; });
        return frames;
    }

    Status acknowledge() {
        return feed(wire::FrameKind::Ack, 0, wire::Ack{sent_position, 2 * kPeerLimit});
    }

    static constexpr std::uint64_t kPeerLimit = 1 << 20;

    TimePoint now = TimePoint{} + std::chrono::hours(1);
    MuxEnd end;
    std::uint64_t sent_position = 0;  ///< Of the link's journal, as far as take() has seen it.

  private:
    static mux::Link::Options with_role(mux::Link::Options options, mux::Role role) {
        options.role = role;
        return options;
    }

    std::uint32_t opened_ = 0;
};

}  // namespace diglett::test
