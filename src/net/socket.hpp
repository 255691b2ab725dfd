#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/address.hpp"
#include "net/async.hpp"
#include "net/io_result.hpp"
#include "net/limits.hpp"

namespace diglett::net {

/// A connected stream socket (TCP or unix) on one worker. Asio tells when it is ready; bytes move
/// by our own non-blocking system calls. Options that a unix socket does not have are skipped
/// without error.
///
/// Moving a Socket moves its pending waits with it. All calls on the thread of its executor.
class Socket {
  public:
    /// Owns `fd` from now on, whatever happens, and makes it non-blocking. When the system refuses
    /// to watch `fd` (out of epoll watches), the socket is closed and every later call fails: test
    /// is_open().
    Socket(Executor executor, int fd);
    Socket(Socket&&) noexcept = default;
    Socket& operator=(Socket&&) noexcept = default;
    /// Closes, as close() does.
    ~Socket() = default;

    [[nodiscard]] bool is_open() const { return socket_.is_open(); }

    [[nodiscard]] int native_handle() { return socket_.native_handle(); }

    [[nodiscard]] Executor executor() { return socket_.get_executor(); }

    /// Gives up the descriptor, so that another worker can own it; pending waits end as cancelled.
    /// @return -1 if closed.
    [[nodiscard]] int release();

    /// One wait of each direction may be pending. @return Cancelled when the wait was cancelled or
    /// the socket closed, IoFailed when the system refuses to watch it. A broken socket counts as
    /// ready: the next read or write tells.
    [[nodiscard]] Awaitable<Status> wait_readable();
    [[nodiscard]] Awaitable<Status> wait_writable();

    /// The same for the data path: `handler(error_code)` runs later from the event loop, never from
    /// within this call; with operation_aborted after cancel(), close() or release(). It must keep
    /// alive what it touches.
    template <class Handler>
    void on_readable(Handler&& handler) {
        socket_.async_wait(Native::wait_read, std::forward<Handler>(handler));
    }

    template <class Handler>
    void on_writable(Handler&& handler) {
        socket_.async_wait(Native::wait_write, std::forward<Handler>(handler));
    }

    /// Runs `handler` when the connection broke or both directions have ended, even while nobody
    /// reads.
    template <class Handler>
    void on_broken(Handler&& handler) {
        socket_.async_wait(Native::wait_error, std::forward<Handler>(handler));
    }

    /// Ends all pending waits as cancelled.
    void cancel();

    /// One system call each, repeated only after EINTR; never raises SIGPIPE. Segments are used in
    /// order, the first kMaxSegments of them. An empty request is Ready with 0 bytes.
    [[nodiscard]] IoResult read_some(MutableBytes into);
    /// Reads without taking: the same bytes come again with the next read.
    [[nodiscard]] IoResult peek_some(MutableBytes into);
    [[nodiscard]] IoResult read_some(std::span<const MutableBytes> into);
    [[nodiscard]] IoResult write_some(ByteView from);
    [[nodiscard]] IoResult write_some(std::span<const ByteView> from);

    void set_nodelay();
    /// The socket counts as writable only while fewer unsent bytes wait than this
    /// (TCP_NOTSENT_LOWAT).
    void set_notsent_lowat(std::size_t bytes);
    /// From now on every close is a reset, unless clear_linger() came first. (protocol 6.4)
    void set_linger_reset();
    void clear_linger();

    /// When TCP asks a silent peer whether it is there, and when it breaks the connection. Only
    /// while nothing that was sent waits for the peer; peer_state() tells of the rest.
    struct Keepalive {
        std::chrono::seconds idle{60};      ///< Silence before the first probe.
        std::chrono::seconds interval{15};  ///< From probe to probe, and from the last to the end.
        int probes = 4;                     ///< Without answer: the connection breaks.
    };

    /// The defaults suit connections that may be idle for hours and of which there are many.
    void set_keepalive() { set_keepalive(Keepalive{}); }

    void set_keepalive(const Keepalive& keepalive);

    struct PeerState {
        bool broken = false;  ///< A reset came, or TCP gave up.
        /// How long nothing has come from the peer's kernel, acknowledgements included, although
        /// something sent waits for one; else 0.
        std::chrono::milliseconds unanswered{0};
    };

    /// What TCP knows (TCP_INFO); one system call. All zero for a unix socket.
    ///
    /// In place of TCP_USER_TIMEOUT, which on Linux also breaks a connection whose peer is alive
    /// but does not read for a while (its window is shut), as peers of protocol 1 do.
    [[nodiscard]] PeerState peer_state();

    /// The pending error of the socket (SO_ERROR), which this clears; 0 if none.
    [[nodiscard]] int take_error();

    /// Sends a FIN after what was written. No error: a broken socket shows at the next read or
    /// write.
    void shutdown_write();
    /// Closes; pending waits end as cancelled. Twice is harmless.
    void close();
    /// Closes with a reset (TCP RST), never a FIN. A unix socket just closes.
    void reset();

    /// Family None when the socket is not connected any more.
    [[nodiscard]] Address local_address();
    [[nodiscard]] Address remote_address();

  private:
    using Native = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
    Native socket_;
};

/// Words for an errno value, such as "connection refused".
[[nodiscard]] std::string errno_text(int error);

/// What a stream's socket is to be: reset on close, without delay, kept alive. For a socket that is
/// about to listen: connections inherit it at the moment at which they are made, which spares six
/// calls for each; who came before would end with a FIN whatever broke. (protocol 6.4)
void set_stream_options(int fd);

}  // namespace diglett::net
