#include "tunnel/establish.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "net/deadline.hpp"
#include "tunnel/handshake_slicer.hpp"
#include "tunnel/limits.hpp"

namespace diglett::tunnel {

namespace {

using State = crypto::Channel::State;

std::unexpected<Error> lost(std::string_view why) {
    return fail(Errc::ConnectionLost,
                fmt::format("the connection ended during the handshake: {}", why));
}

/// Takes from the kernel what was only looked at before.
void discard(net::Socket& carrier, MutableBytes scratch, std::size_t bytes) {
    while (bytes > 0) {
        const auto result = carrier.read_some(scratch.first(bytes));
        if (result.bytes == 0) {
            return;  // broken meanwhile: the next look tells
        }
        bytes -= result.bytes;
    }
}

/// Feeds what lies in the kernel, as far as the handshake goes; bytes behind it stay there for the
/// Tunnel.
/// @return Handshaking also when nothing was there.
Result<State> feed_available(net::Socket& carrier, crypto::Channel& channel,
                             HandshakeSlicer& slicer, MutableBytes scratch, ByteVector& out) {
    const auto peeked = carrier.peek_some(scratch);
    if (peeked.state == net::IoResult::State::End) {
        return lost("closed by the other side");
    }
    if (peeked.state == net::IoResult::State::Failed) {
        return lost(net::errno_text(peeked.error));
    }
    Result<State> state = State::Handshaking;
    std::size_t fed = 0;
    while (fed < peeked.bytes && state && *state == State::Handshaking) {
        const ByteView rest = scratch.subspan(fed, peeked.bytes - fed);
        const auto slice = slicer.next(rest);
        channel.feed(rest.first(slice));
        state = channel.advance(out);
        fed += slice;
    }
    discard(carrier, scratch, fed);
    return state;
}

net::Awaitable<Status> send_all(net::Socket& carrier, ByteView bytes, TimePoint deadline) {
    while (!bytes.empty()) {
        const auto result = carrier.write_some(bytes);
        if (result.state == net::IoResult::State::Failed) {
            co_return lost(net::errno_text(result.error));
        }
        bytes = bytes.subspan(result.bytes);
        if (!bytes.empty()) {
            auto ready = co_await net::wait_writable(carrier, deadline);
            if (!ready) {
                co_return ready;
            }
        }
    }
    co_return Status{};
}

Status with_place(Status status) {
    if (!status && status.error().code == Errc::TimedOut) {
        return fail(Errc::TimedOut, "the handshake took too long");
    }
    return status;
}

}  // namespace

net::Awaitable<Status> establish(net::Socket& carrier, crypto::Channel& channel,
                                 WorkerResources& resources, TimePoint deadline) {
    carrier.set_nodelay();
    HandshakeSlicer slicer;
    ByteVector out;
    auto state = channel.advance(out);
    while (true) {
        if (!state) {
            (void)carrier.write_some(out);  // the alert, as far as the socket takes it
            co_return forward_error(state);
        }
        auto sent = co_await send_all(carrier, out, deadline);
        if (!sent) {
            co_return with_place(std::move(sent));
        }
        if (*state == State::Established) {
            co_return Status{};
        }
        auto ready = co_await net::wait_readable(carrier, deadline);
        if (!ready) {
            co_return with_place(std::move(ready));
        }
        out.clear();
        const auto scratch = resources.ciphertext().first(kHandshakePeekBytes);
        state = feed_available(carrier, channel, slicer, scratch, out);
    }
}

}  // namespace diglett::tunnel
