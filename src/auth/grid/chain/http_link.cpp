#include "auth/grid/chain/http_link.hpp"

#include <utility>

#include "auth/grid/chain/limits.hpp"

namespace diglett::auth::grid {

struct HttpLink::InUse {
    InUse(HttpLink& of, const Stream& stream)
        : link(of), place(link.in_use_.insert(link.in_use_.end(), stream)) {}

    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

    ~InUse() { link.in_use_.erase(place); }

    HttpLink& link;
    std::list<Stream>::iterator place;
};

HttpLink::HttpLink(NodeUrl url, NodeTrust trust) : url_(std::move(url)), trust_(std::move(trust)) {}

std::size_t HttpLink::capacity() const {
    return kMaxConnections;
}

net::Awaitable<Result<std::string>> HttpLink::exchange(std::uint64_t /*id*/, std::string request,
                                                       TimePoint deadline) {
    while (!idle_.empty()) {
        Stream kept = std::move(idle_.back());
        idle_.pop_back();
        auto exchanging = exchange_on(std::move(kept), request, deadline);
        auto answer = co_await std::move(exchanging);
        if (answer || answer.error().code != Errc::IoFailed) {
            co_return answer;
        }
    }
    auto opening = open_node_stream(url_, trust_, deadline);
    auto opened = co_await std::move(opening);
    if (!opened) {
        co_return forward_error(opened);
    }
    auto exchanging = exchange_on(Stream(std::move(*opened)), request, deadline);
    co_return co_await std::move(exchanging);
}

net::Awaitable<Result<std::string>> HttpLink::exchange_on(Stream stream, const std::string& request,
                                                          TimePoint deadline) {
    const InUse mark(*this, stream);
    auto sending = stream->send(request, deadline);
    if (auto sent = co_await std::move(sending); !sent) {
        co_return forward_error(sent);
    }
    auto receiving = stream->receive(deadline);
    auto answer = co_await std::move(receiving);
    if (answer && stream->is_usable()) {
        idle_.push_back(stream);
    }
    co_return answer;
}

void HttpLink::close() {
    idle_.clear();
    for (const auto& stream : in_use_) {
        stream->close();
    }
}

}  // namespace diglett::auth::grid
