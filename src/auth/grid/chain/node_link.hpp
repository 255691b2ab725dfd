#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "auth/grid/chain/node_stream.hpp"
#include "auth/grid/chain/node_url.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/async.hpp"
#include "net/task_group.hpp"

namespace diglett::auth::grid {

/// The way to one node, connected when it is needed and anew when it broke. On one worker.
class NodeLink {
  public:
    virtual ~NodeLink() = default;

    /// How many requests may be under way at once; who asks keeps to it.
    [[nodiscard]] virtual std::size_t capacity() const {
        return std::numeric_limits<std::size_t>::max();
    }

    /// Sends `request` with the number `id`, which no other request under way has. @return the text
    /// that answers it; TimedOut at `deadline`; the errors of NodeStream. Never tries twice what
    /// may have reached the node, except over a kept HTTP connection that was closed meanwhile:
    /// requests only read.
    [[nodiscard]] virtual net::Awaitable<Result<std::string>> exchange(std::uint64_t id,
                                                                       std::string request,
                                                                       TimePoint deadline) = 0;

    /// Ends what is under way; the next exchange connects anew.
    virtual void close() = 0;
};

using LinkFactory = std::function<std::shared_ptr<NodeLink>(const NodeUrl&)>;

/// Over real sockets. `tasks` outlives the link and is cancelled only after close().
[[nodiscard]] std::shared_ptr<NodeLink> make_node_link(const NodeUrl& url, NodeTrust trust,
                                                       net::TaskGroup& tasks);

}  // namespace diglett::auth::grid
