#include "gateway/first_byte.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "net/event.hpp"

namespace diglett::gateway {

namespace {

constexpr std::string_view kExplanation =
    "This port is for diglett agents: TLS 1.3 with ALPN diglett/2.\r\n";

}  // namespace

net::Awaitable<Result<std::byte>> await_first_byte(net::Socket& carrier, TimePoint deadline) {
    const auto ready = std::make_shared<net::Event>(carrier.executor());
    carrier.on_readable([ready](const auto& /*error*/) { ready->notify(); });
    auto waiting = ready->wait_until(deadline);
    if (!co_await std::move(waiting)) {
        carrier.cancel();
        co_return fail(Errc::TimedOut, "no byte came");
    }
    if (!carrier.is_open()) {
        co_return fail(Errc::Cancelled, "ended before its first byte");
    }
    std::byte first{};
    const ssize_t got = ::recv(carrier.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0) {
        co_return fail(Errc::EndOfStream, "closed before its first byte");
    }
    if (got < 0) {
        co_return fail(Errc::ConnectionLost, net::errno_text(errno));
    }
    co_return first;
}

net::Awaitable<void> explain_port(net::Socket& carrier) {
    std::ignore = carrier.write_some(as_bytes(kExplanation));
    carrier.shutdown_write();
    // What the other side sent must be taken, or the close would be a reset that eats the line.
    std::byte sink[4096];
    for (int reads = 0; reads < 16; ++reads) {
        if (carrier.read_some(MutableBytes(sink)).bytes == 0)
            break;
    }
    co_return;
}

}  // namespace diglett::gateway
