#pragma once

#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/channel.hpp"
#include "mux/multiplexer.hpp"
#include "net/async.hpp"
#include "net/socket.hpp"
#include "tunnel/worker_resources.hpp"

namespace diglett::tunnel {

/// Moves the bytes of one carrier: socket <-> channel <-> multiplexer <-> stream sockets. The same
/// class at both ends and for both protocols; it knows no message. Lives on one worker; every
/// method is called there.
///
/// The owner builds the multiplexer (with itself as MultiplexerEvents), spawns run(), and keeps the
/// tunnel alive until run() has returned. Methods may be called from within MultiplexerEvents.
class Tunnel {
  public:
    /// `carrier` is connected and `channel` established.
    Tunnel(WorkerResources& resources, net::Socket carrier,
           std::unique_ptr<crypto::Channel> channel, std::unique_ptr<mux::Multiplexer> multiplexer);
    ~Tunnel();

    Tunnel(const Tunnel&) = delete;
    Tunnel& operator=(const Tunnel&) = delete;

    /// Runs until the session ends, then resets every stream still open and closes the carrier.
    /// @return why it ended: EndOfStream (peer closed in order), ConnectionLost, ProtocolViolation,
    /// ..., Cancelled after close() or abort().
    [[nodiscard]] net::Awaitable<Error> run();

    /// Gateway: a visitor's socket (on this worker) becomes a stream. It has
    /// net::set_stream_options(). @return LimitReached; the socket is then reset.
    [[nodiscard]] Result<StreamId> open(net::Socket visitor, const wire::Open& open);

    /// Agent: the backend's connected socket for a stream announced by on_open. Is set to reset on
    /// close and not to delay; keepalive is the caller's choice.
    void attach(StreamId stream, net::Socket backend);

    void reset(StreamId stream, wire::ResetReason reason, std::string_view text);
    void reset_registration(RegistrationId registration, wire::ResetReason reason);

    [[nodiscard]] Status send_message(wire::FrameKind kind, std::uint32_t id, ByteView payload);

    /// Asks the peer for a sign of life; see last_heard().
    void ping();

    /// Ends in order: what is queued is sent (bounded by `deadline`), then the channel's close,
    /// then run() returns.
    void close(TimePoint deadline);

    /// Ends at once.
    void abort(Error why);

    /// The peer broke a rule, as the owner finds: ends as if the multiplexer had found it. Not from
    /// within MultiplexerEvents, whose on_message() returns the error.
    void fail_session(Error why);

    [[nodiscard]] TimePoint last_heard() const;
    [[nodiscard]] Duration round_trip() const;
    [[nodiscard]] bool is_used_up() const;
    [[nodiscard]] std::size_t stream_count() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;  // shared with the handlers of the event loop
};

}  // namespace diglett::tunnel
