#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "auth/grid/chain/node_link.hpp"
#include "auth/grid/chain/shared_answer.hpp"
#include "net/event.hpp"

namespace diglett::auth::grid {

/// One web socket, on which answers find their requests by number.
class WebSocketLink final : public NodeLink {
  public:
    WebSocketLink(NodeUrl url, NodeTrust trust, net::TaskGroup& tasks);
    ~WebSocketLink() override;

    [[nodiscard]] net::Awaitable<Result<std::string>> exchange(std::uint64_t id,
                                                               std::string request,
                                                               TimePoint deadline) override;
    void close() override;

  private:
    using Answer = SharedAnswer<Result<std::string>>;

    /// One connection, from before it is there until it is gone; its two tasks share it.
    struct Connection {
        explicit Connection(net::Executor executor) : wake(executor) {}

        void end(const Error& error);

        std::unique_ptr<NodeStream> stream;  ///< Null while connecting.
        std::deque<std::string> out;
        std::map<std::uint64_t, std::shared_ptr<Answer>> waiting;
        net::Event wake;  ///< For the writer: something to send, or the end.
        bool ended = false;
    };

    using Shared = std::shared_ptr<Connection>;

    static net::Awaitable<void> run(Shared connection, NodeUrl url, NodeTrust trust,
                                    net::TaskGroup& tasks, TimePoint deadline);
    static net::Awaitable<void> write(Shared connection);
    static void deliver(Connection& connection, std::string text);

    NodeUrl url_;
    NodeTrust trust_;
    net::TaskGroup& tasks_;
    Shared current_;  ///< Null: none was needed yet. May have ended.
};

}  // namespace diglett::auth::grid
