#include "auth/grid/chain/node_link.hpp"

#include "auth/grid/chain/http_link.hpp"
#include "auth/grid/chain/web_socket_link.hpp"

namespace diglett::auth::grid {

std::shared_ptr<NodeLink> make_node_link(const NodeUrl& url, NodeTrust trust,
                                         net::TaskGroup& tasks) {
    if (url.web_socket) {
        return std::make_shared<WebSocketLink>(url, std::move(trust), tasks);
    }
    return std::make_shared<HttpLink>(url, std::move(trust));
}

}  // namespace diglett::auth::grid
