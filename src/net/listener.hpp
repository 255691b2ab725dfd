#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/address.hpp"
#include "net/async.hpp"
#include "net/endpoint.hpp"
#include "net/limits.hpp"
#include "net/pause_report.hpp"
#include "net/sockaddr.hpp"
#include "net/socket.hpp"

namespace diglett::net {

/// A TCP listener whose accept never gives up. Lives on one worker.
class Listener {
  public:
    struct Options {
        int backlog =
            4096;  ///< Connections waiting for accept; the kernel cuts it to net.core.somaxconn.
        /// Told why accepting pauses; may be null.
        std::shared_ptr<PauseReport> pauses{};
    };

    /// Listens on `endpoint` (SO_REUSEADDR; port 0: any free one). The host is an IP address,
    /// "localhost" (127.0.0.1) or
    /// "*" (all, IPv4 and IPv6): nothing is looked up. "::" takes IPv4 as well.
    /// @return AddressInUse when it cannot be bound, InvalidUsage for any other host or a unix
    /// socket, IoFailed.
    [[nodiscard]] static Result<Listener> open(Executor executor, const Endpoint& endpoint,
                                               Options options);

    /// Accepts from `fd`, a socket that listens, which it owns from now on. What accepted sockets
    /// inherit it must have had before it listened. @return IoFailed.
    [[nodiscard]] static Result<Listener> adopt(Executor executor, UniqueFd fd, Options options);

    Listener(Listener&&) noexcept = default;
    Listener& operator=(Listener&&) noexcept = default;

    /// A connection as it was accepted.
    struct Accepted {
        int fd = -1;     ///< Non-blocking; the caller owns it, so that any worker can have it.
        Address remote;  ///< Who connected.
        Address local;   ///< Where to; of a listener on a single address without a system call.
    };

    /// The next connection. Survives connections that died in the queue; while the system is out of
    /// descriptors or memory it pauses (100 ms, doubled up to 1 s), tells `pauses` and recovers
    /// by itself.
    /// @return Cancelled when the task is cancelled or the listener closed; IoFailed only if the
    /// listener itself is broken.
    [[nodiscard]] Awaitable<Result<Accepted>> accept();

    /// The address really bound, with the port chosen.
    [[nodiscard]] Endpoint local_endpoint();

    /// Stops listening; a pending accept() ends as Cancelled.
    void close() { socket_.close(); }

  private:
    Listener(Socket socket, Options options);
    [[nodiscard]] Accepted describe(int fd, const SockAddr& remote) const;

    Socket socket_;
    Options options_;
    Address bound_;  ///< Family None when connections to several addresses come here.
    Duration pause_ = kFirstPause;
    int burst_ = 0;  ///< Connections taken since the last wait.
};

}  // namespace diglett::net
