#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "mux/stream_io.hpp"
#include "wire/frame.hpp"
#include "wire/message.hpp"
#include "wire/reset_reason.hpp"

namespace diglett::mux {

/// What a multiplexer tells its owner. Called from inside receive() and on_time(); the owner may
/// call open(), attach(), reset() and send_message() from within, but must not destroy the
/// multiplexer.
class MultiplexerEvents {
  public:
    virtual ~MultiplexerEvents() = default;

    /// Agent only: the gateway opened `stream`. Answer later with attach() or reset(); bytes wait
    /// meanwhile, bounded by the stream's window.
    virtual void on_open(StreamId stream, const wire::Open& open) = 0;

    /// A conversation frame (Hello, Login, Welcome, Register, FinishRegister, Unregister, Ok,
    /// Error, GoAway, Refused). `payload` is valid during the call. An error ends the session with
    /// that code.
    [[nodiscard]] virtual Status on_message(wire::FrameKind kind, std::uint32_t id,
                                            ByteView payload) = 0;

    /// `stream` is gone, whoever ended it; its id is never used again.
    virtual void on_stream_ended(StreamId stream) = 0;
};

/// Many streams over one ordered carrier: bytes in, bytes out, no socket and no clock; the time is
/// an argument. Implemented by Link (protocol 2) and V1Link (protocol 1). One thread at a time.
///
/// Call sequence: receive() with what the carrier brought; next_batch() whenever the carrier takes
/// bytes; on_time() at deadline(). After any call, has_output(), deadline() and wants_input() may
/// have changed.
class Multiplexer {
  public:
    virtual ~Multiplexer() = default;

    /// Parses plaintext as it arrived, in pieces of any size. Bytes of a frame cut off at the end
    /// are kept.
    /// @return an error (ProtocolViolation, FlowControlViolation, TooMuchNoise) when the peer broke
    /// a rule: the session must end and nothing more be fed.
    [[nodiscard]] virtual Status receive(ByteView plaintext, TimePoint now) = 0;

    /// Reads from ready streams and returns what to send now, at most one batch (256 KiB, 64 KiB
    /// while several streams are active), in order. The bytes count as sent. Valid until the next
    /// call of any method.
    [[nodiscard]] virtual std::span<const ByteView> next_batch(TimePoint now) = 0;

    /// Whether next_batch() would have something to return or to read.
    [[nodiscard]] virtual bool has_output() const = 0;

    /// Whether the owner should go on reading the carrier; ask before each read and again after any
    /// call. Protocol 2 always says yes: it has credit, and to stop reading there is a deadlock.
    /// Protocol 1 has none, so it says no while a stream's outside end takes nothing, for a bounded
    /// time (V1Link). receive() may be called all the same.
    [[nodiscard]] virtual bool wants_input() const { return true; }

    /// Does what is due. @return an error when the peer is dead (ConnectionLost) or stuck.
    [[nodiscard]] virtual Status on_time(TimePoint now) = 0;

    /// When on_time() must be called at the latest; kNever if not at all.
    [[nodiscard]] virtual TimePoint deadline() const = 0;

    /// Gateway only: opens a stream for a visitor and owns `io` from now on.
    /// @return LimitReached when the link may not open more.
    [[nodiscard]] virtual Result<StreamId> open(std::shared_ptr<StreamIo> io,
                                                const wire::Open& open, TimePoint now) = 0;

    /// Agent only: gives `stream` its outside end. When the stream ended meanwhile, `io` is aborted
    /// at once.
    virtual void attach(StreamId stream, std::shared_ptr<StreamIo> io, TimePoint now) = 0;

    /// Ends both directions of `stream`, tells the peer and aborts its outside end. Unknown streams
    /// are ignored.
    virtual void reset(StreamId stream, wire::ResetReason reason, std::string_view text) = 0;

    /// Ends every stream that belongs to `registration`, as reset().
    virtual void reset_registration(RegistrationId registration, wire::ResetReason reason) = 0;

    /// The outside end of `stream` can be read or written again (answer to want_read / want_write).
    virtual void readable(StreamId stream, TimePoint now) = 0;
    virtual void writable(StreamId stream, TimePoint now) = 0;

    /// Queues a conversation frame. @return LimitReached when the control reserve is full.
    [[nodiscard]] virtual Status send_message(wire::FrameKind kind, std::uint32_t id,
                                              ByteView payload) = 0;

    /// The session is over because the peer broke a rule: what may still be sent, instead of all
    /// that waits, to say so. Empty when the protocol has no word for it. Valid until the next call
    /// of any method. (protocol 9.5)
    [[nodiscard]] virtual std::span<const ByteView> farewell(const Error& why) = 0;

    /// Aborts every stream without telling the peer: the session is over.
    virtual void abort_all(wire::ResetReason reason) = 0;

    [[nodiscard]] virtual std::size_t stream_count() const = 0;

    /// When the last byte of the peer arrived, and the smoothed round trip (zero before the first
    /// measurement).
    [[nodiscard]] virtual TimePoint last_heard() const = 0;
    [[nodiscard]] virtual Duration round_trip() const = 0;

    /// Whether open() fails for good, since numbers or positions have come to their end: a session
    /// that follows begins anew. (protocol 6.2)
    [[nodiscard]] virtual bool is_used_up() const = 0;

    /// Asks the peer for a sign of life now; last_heard() moves when it comes. (protocol 8.2)
    virtual void ping(TimePoint now) = 0;
};

}  // namespace diglett::mux
