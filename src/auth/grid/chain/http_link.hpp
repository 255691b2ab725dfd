#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "auth/grid/chain/node_link.hpp"

namespace diglett::auth::grid {

/// A few kept connections, one request on each at a time: nothing is pipelined, which proxies
/// break.
class HttpLink final : public NodeLink {
  public:
    HttpLink(NodeUrl url, NodeTrust trust);

    [[nodiscard]] std::size_t capacity() const override;

    [[nodiscard]] net::Awaitable<Result<std::string>> exchange(std::uint64_t id,
                                                               std::string request,
                                                               TimePoint deadline) override;
    void close() override;

  private:
    using Stream = std::shared_ptr<NodeStream>;

    /// Writes down a connection as long as it is used, so that close() finds it.
    struct InUse;

    net::Awaitable<Result<std::string>> exchange_on(Stream stream, const std::string& request,
                                                    TimePoint deadline);

    NodeUrl url_;
    NodeTrust trust_;
    std::vector<Stream> idle_;
    std::list<Stream> in_use_;
};

}  // namespace diglett::auth::grid
