#pragma once

#include <cstddef>

#include "agent/service.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "net/dial.hpp"
#include "net/task_group.hpp"
#include "tunnel/tunnel.hpp"

namespace diglett::agent {

/// Connects each new stream to its backend. The gateway names a registration, never an address:
/// only configured backends are dialled.
class BackendDialer {
  public:
    /// Both outlive this; `tasks` is joined before it goes.
    BackendDialer(tunnel::Tunnel& tunnel, net::TaskGroup& tasks, Logger logger);

    /// Answers Open: attaches the backend's socket or resets the stream, within kBackendTimeout.
    /// @param service lives as long as this.
    void dial(StreamId stream, const Service& service);

  private:
    void settle(StreamId stream, const Service& service, net::DialResult backend);
    [[nodiscard]] net::Awaitable<void> connect(StreamId stream, const Service& service);

    tunnel::Tunnel& tunnel_;
    net::TaskGroup& tasks_;
    Logger logger_;
    std::size_t pending_ = 0;
};

}  // namespace diglett::agent
