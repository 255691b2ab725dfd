#pragma once

#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "mux/stream_io.hpp"
#include "net/socket.hpp"
#include "wire/reset_reason.hpp"

namespace diglett::tunnel {

/// Told by a TunnelStream: close_later() by finish(), everything else from the event loop, never
/// from within one of its methods.
class StreamOwner {
  public:
    virtual ~StreamOwner() = default;
    virtual void on_stream_readable(StreamId stream) = 0;
    virtual void on_stream_writable(StreamId stream) = 0;
    /// The outside was reset while nobody reads it; `error` is errno.
    virtual void on_stream_broken(StreamId stream, int error) = 0;
    /// Takes over a socket with which nothing is left to do but to close it.
    virtual void close_later(net::Socket socket) = 0;
};

/// A visitor's or a backend's socket as the outside end of a stream. No coroutine, no buffer, no
/// timer: a pending wait is one handler, which keeps the object alive until the event loop has let
/// go of it. finish() and abort() cut the way back to the owner, so a late handler finds nobody to
/// call.
class TunnelStream final : public mux::StreamIo, public std::enable_shared_from_this<TunnelStream> {
  public:
    /// `socket` resets on close (Socket::set_linger_reset), unless finish() comes first. `owner`
    /// lives until finish() or abort().
    TunnelStream(StreamOwner& owner, net::Socket socket);

    /// Before the event loop goes on; a gateway learns the number only after the multiplexer has
    /// the object.
    void set_id(StreamId id) { id_ = id; }

    mux::IoResult read(std::span<const MutableBytes> segments) override;
    mux::IoResult write(std::span<const ByteView> segments) override;
    void want_read() override;
    void want_write() override;
    void shutdown_write() override;
    void finish() override;
    void abort(wire::ResetReason reason) override;

  private:
    void watch_for_reset();

    StreamOwner* owner_;
    net::Socket socket_;
    StreamId id_{};
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool reset_watched_ = false;
    bool has_shut_down_ = false;
};

}  // namespace diglett::tunnel
