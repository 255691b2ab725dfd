#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "wire/reset_reason.hpp"

namespace diglett::mux {

/// What one non-blocking read or write did.
struct IoResult {
    enum class State : unsigned char {
        Ready,    ///< More may be possible at once.
        Blocked,  ///< Nothing more now; arm `want_read` or `want_write`.
        End,      ///< Read only: the peer's FIN came, after `bytes` bytes.
        Failed,   ///< The outside end is gone other than by FIN.
    };
    std::size_t bytes = 0;  ///< Bytes moved by this call, whatever the state.
    State state = State::Ready;
};

/// The outside end of a stream: a visitor's or a backend's socket, or memory in a test. A
/// multiplexer owns one for each attached stream and calls it on the stream's own thread, never
/// from within one of its methods. No method waits.
class StreamIo {
  public:
    virtual ~StreamIo() = default;

    /// Reads into `segments` in order, filling each before the next.
    virtual IoResult read(std::span<const MutableBytes> segments) = 0;

    /// Writes `segments` in order, as far as the outside takes them.
    virtual IoResult write(std::span<const ByteView> segments) = 0;

    /// Asks for one call of Multiplexer::readable or Multiplexer::writable when that becomes
    /// possible again.
    virtual void want_read() = 0;
    virtual void want_write() = 0;

    /// Forwards a FIN; everything written before has been taken. At most once. (protocol 6.4)
    virtual void shutdown_write() = 0;

    /// The last call: both directions ended by FIN, close in an orderly way. Forwards the FIN when
    /// shutdown_write() has not.
    virtual void finish() = 0;

    /// The last call: close so that the outside sees a reset, never a FIN. `reason` is for the log.
    /// (protocol 6.4)
    virtual void abort(wire::ResetReason reason) = 0;
};

}  // namespace diglett::mux
