// Links under a program of operations. The first byte picks which: two links over a carrier that is
// cut and replaced, which must keep every invariant; or one link whose peer writes any frame in any
// state, which may end the session but must not fall.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "test/support/mux_simulation.hpp"

namespace {

using namespace diglett;

/// Decisions made by the input; 0 for ever when it is used up.
class Program {
  public:
    explicit Program(ByteView bytes) : bytes_(bytes) {}

    [[nodiscard]] bool is_over() const { return bytes_.empty(); }

    /// A number in [0, n).
    std::uint32_t choose(std::uint32_t n) {
        std::uint32_t value = 0;
        for (std::uint32_t range = 1; range < n && range < (1U << 24U) && !bytes_.empty();
             range <<= 8U) {
            value = (value << 8U) | std::to_integer<std::uint32_t>(bytes_.front());
            bytes_ = bytes_.subspan(1);
        }
        return value % n;
    }

    ByteView take(std::size_t count) {
        const ByteView taken = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(taken.size());
        return taken;
    }

  private:
    ByteView bytes_;
};

void check(bool condition, const char* what) {
    if (!condition) {
        std::fprintf(stderr, "%s\n", what);
        std::abort();
    }
}

void run_two_links(Program& program) {
    test::MuxSimulation simulation([&](std::uint32_t n) { return program.choose(n); });
    while (!program.is_over() && simulation.step()) {
    }
    check(simulation.failure.empty() && simulation.finish(), simulation.failure.c_str());
}

template <class Message>
ByteVector encoded(const Message& message) {
    ByteVector payload;
    wire::encode(message, payload);
    return payload;
}

/// A payload that is right for `kind` in form, or any bytes.
ByteVector payload_for(wire::FrameKind kind, Program& program) {
    switch (program.choose(8) == 0 ? wire::FrameKind::Data : kind) {
        case wire::FrameKind::Open: {
            wire::Open open;
            open.registration = RegistrationId{program.choose(4)};
            open.initial_limit = program.choose(1U << 20U);
            return encoded(open);
        }
        case wire::FrameKind::Window:
            return encoded(wire::Window{program.choose(1U << 22U)});
        case wire::FrameKind::Reset:
            return encoded(wire::Reset{});
        case wire::FrameKind::Ack:
            return encoded(wire::Ack{program.choose(1000), program.choose(1U << 22U)});
        case wire::FrameKind::Ping:
        case wire::FrameKind::Pong:
            return encoded(wire::Ping{program.choose(3)});
        case wire::FrameKind::Hello: {
            wire::Hello hello;
            hello.link_limit = program.choose(1U << 20U);
            hello.stream_limit = program.choose(1U << 20U);
            return encoded(hello);
        }
        case wire::FrameKind::End:
        case wire::FrameKind::FinishRegister:
            return {};
        default: {
            const ByteView bytes = program.take(program.choose(64));
            ByteVector payload(bytes.begin(), bytes.end());
            payload.resize(payload.size() + (program.choose(4) == 0 ? program.choose(16'000) : 0));
            return payload;
        }
    }
}

/// What this end's owner may do meanwhile.
void act(test::MuxEnd& end, Program& program, TimePoint now) {
    const StreamId stream{1 + program.choose(6)};
    switch (program.choose(6)) {
        case 0:
            if (end.options.role == mux::Role::Gateway) {
                const auto io = std::make_shared<test::MemoryIo>(
                    test::MemoryIo::Plan{.send_bytes = program.choose(100'000),
                                         .fails_at_end = program.choose(4) == 0,
                                         .writable = program.choose(100'000)});
                if (const auto id = end.link->open(io, wire::Open(), now)) {
                    end.ios[*id] = io;
                }
            } else if (end.opened.contains(stream) && !end.ios.contains(stream)) {
                end.ios[stream] = std::make_shared<test::MemoryIo>(test::MemoryIo::Plan{
                    .send_bytes = program.choose(100'000), .writable = program.choose(100'000)});
                end.link->attach(stream, end.ios[stream], now);
            }
            break;
        case 1:
            end.link->reset(stream, wire::ResetReason::Aborted, "");
            break;
        case 2:
            end.link->reset_registration(RegistrationId{program.choose(4)},
                                         wire::ResetReason::SessionEnded);
            break;
        case 3:
            for (auto& [id, io] : end.ios) {
                io->plan.writable += program.choose(50'000);
            }
            end.serve_sockets(now);
            break;
        case 4:
            end.link->ping(now);
            break;
        default:
            static_cast<void>(end.seal(now));
            end.outgoing.clear();
            break;
    }
}

void run_one_link(Program& program) {
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    mux::Link::Options options;
    options.role = program.choose(2) == 0 ? mux::Role::Gateway : mux::Role::Agent;
    options.max_streams = 8;
    test::MuxEnd end(options, now);
    end.send(wire::FrameKind::Hello, 0, wire::Hello());
    if (options.role == mux::Role::Agent) {
        end.send(wire::FrameKind::FinishRegister, 0, ByteVector());
    }
    Status status;
    while (!program.is_over() && status) {
        ByteVector frame;
        const auto kind = static_cast<wire::FrameKind>(program.choose(24));
        const std::uint32_t id = program.choose(8);
        wire::append_frame(kind, id, payload_for(kind, program), frame);
        const std::size_t cut = program.choose(static_cast<std::uint32_t>(frame.size()));
        status = end.link->receive(ByteView(frame).first(cut), now);
        if (status) {
            status = end.link->receive(ByteView(frame).subspan(cut), now);
        }
        act(end, program, now);
        now += std::chrono::microseconds(1U << program.choose(22));
        if (status && now >= end.link->deadline()) {
            status = end.link->on_time(now);
        }
        check(end.link->figures().buffered <= options.max_buffered, "buffered beyond the bound");
    }
    end.link->abort_all(wire::ResetReason::SessionEnded);
    check(end.link->stream_count() == 0, "a stream outlived the session");
    check(!end.is_confused, "an end was told twice");
    for (const auto& [id, io] : end.ios) {
        check(io->is_over() && !io->is_misused, "a socket was called against its rules");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Program program(std::as_bytes(std::span(data, size)));
    if (program.choose(2) == 0) {
        run_two_links(program);
    } else {
        run_one_link(program);
    }
    return 0;
}
