#pragma once

#include <memory>

#include "net/async.hpp"
#include "net/socket.hpp"

namespace diglett::tunnel {

/// Closes sockets that have done their work a moment later, a few at a time: when many connections
/// come and go at once, the ends of some do not hold up the beginnings of others.
class LateCloser {
  public:
    explicit LateCloser(net::Executor executor);
    /// What still waits is closed in its time, or when the event loop goes. On any thread, since
    /// the event loop may be running; it must outlive this.
    ~LateCloser() = default;

    LateCloser(const LateCloser&) = delete;
    LateCloser& operator=(const LateCloser&) = delete;

    /// Closes `socket`, with all that this does to its peer, within kCloseDelay and the turns of
    /// the event loop that kClosesPerTurn then needs; at most kMaxLateCloses wait.
    void add(net::Socket socket);

  private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the handlers of the event loop
};

}  // namespace diglett::tunnel
