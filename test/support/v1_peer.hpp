#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "mux/multiplexer.hpp"
#include "mux/v1_link.hpp"
#include "test/support/fake_stream_io.hpp"
#include "wire/frame_codec.hpp"
#include "wire/frame_reader.hpp"

namespace diglett::test {

/// One frame of protocol 1 in plaintext.
struct V1Frame {
    wire::FrameKind kind;
    std::uint32_t id = 0;
    std::string payload = {};

    friend bool operator==(const V1Frame&, const V1Frame&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const V1Frame& frame) {
    return out << wire::to_string(frame.kind) << ' ' << frame.id << " '"
               << frame.payload.substr(0, 40) << "' (" << frame.payload.size() << ')';
}

inline ByteVector encode(const V1Frame& frame) {
    ByteVector bytes;
    wire::append_frame(frame.kind, frame.id, as_bytes(frame.payload), bytes);
    return bytes;
}

/// A V1Link whose peer is the test: frames in, frames out, the time by hand.
class V1Side : public mux::MultiplexerEvents {
  public:
    explicit V1Side(mux::V1Link::Options options) : link(options, *this, now) {}

    void on_open(StreamId stream, const wire::Open& open) override {
        opened.push_back(stream);
        registration = open.registration;
        if (attaches) {
            ios.push_back(std::make_shared<FakeStreamIo>());
            link.attach(stream, ios.back(), now);
        }
    }

    Status on_message(wire::FrameKind kind, std::uint32_t id, ByteView payload) override {
        messages.push_back({kind, id, std::string(as_text(payload))});
        if (kind == wire::FrameKind::Login || kind == wire::FrameKind::Register) {
            return link.send_message(answer, 0, as_bytes(answer_text));
        }
        return {};
    }

    void on_stream_ended(StreamId stream) override { ended.push_back(stream); }

    /// What comes from the peer, in pieces of `piece` bytes.
    Status receive(ByteView bytes, std::size_t piece = SIZE_MAX) {
        while (!bytes.empty()) {
            const std::size_t count = std::min(piece, bytes.size());
            if (Status taken = link.receive(bytes.first(count), now); !taken) {
                return taken;
            }
            bytes = bytes.subspan(count);
        }
        return {};
    }

    Status receive(const V1Frame& frame) { return receive(encode(frame)); }

    Status payload(StreamId id, std::string_view text) {
        return receive(V1Frame{wire::FrameKind::Data, id.value, std::string(text)});
    }

    Status close(StreamId id) { return receive(V1Frame{wire::FrameKind::End, id.value, {}}); }

    /// Everything the link has to send now.
    std::vector<V1Frame> sent() {
        std::vector<V1Frame> frames;
        while (link.has_output()) {
            for (const ByteView part : link.next_batch(now)) {
                const Status cut = reader_.read(part, [&frames](const auto& header, ByteView body) {
                    frames.push_back({header.kind, header.id, std::string(as_text(body))});
                    return Status{};
                });
                EXPECT_TRUE(cut.has_value());
            }
        }
        return frames;
    }

    /// Lets time pass, with on_time() whenever the link asks for it.
    void pass(Duration span) {
        const TimePoint end = now + span;
        while (link.deadline() <= end) {
            now = std::max(now, link.deadline());
            ASSERT_TRUE(link.on_time(now).has_value());
        }
        now = end;
    }

    /// A visitor that is connected; `text` is what it sends.
    std::pair<StreamId, std::shared_ptr<FakeStreamIo>> visitor(std::string text = {}) {
        auto io = std::make_shared<FakeStreamIo>();
        io->to_read = std::move(text);
        const Result<StreamId> id = link.open(io, wire::Open{}, now);
        EXPECT_TRUE(id.has_value());
        return {id.value_or(StreamId{}), io};
    }

    TimePoint now{std::chrono::hours{1}};
    std::vector<V1Frame> messages;
    std::vector<StreamId> opened;
    std::vector<StreamId> ended;
    std::vector<std::shared_ptr<FakeStreamIo>> ios;  ///< Agent: of `opened`, in order.
    RegistrationId registration;
    bool attaches = true;                          ///< Agent: dials succeed at once.
    wire::FrameKind answer = wire::FrameKind::Ok;  ///< Gateway: to Login and Register.
    std::string answer_text;
    mux::V1Link link;

  private:
    wire::FrameReader reader_{wire::kProtocol1Frames};
};

}  // namespace diglett::test
