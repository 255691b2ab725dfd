#include "auth/grid/chain/web_socket_link.hpp"

#include <utility>

#include "auth/grid/chain/rpc_message.hpp"

namespace diglett::auth::grid {

WebSocketLink::WebSocketLink(NodeUrl url, NodeTrust trust, net::TaskGroup& tasks)
    : url_(std::move(url)), trust_(std::move(trust)), tasks_(tasks) {}

WebSocketLink::~WebSocketLink() {
    close();
}

void WebSocketLink::Connection::end(const Error& error) {
    ended = true;
    wake.notify();
    if (stream) {
        stream->close();
    }
    for (const auto& [id, answer] : std::exchange(waiting, {})) {
        answer->set(std::unexpected(error));
    }
}

net::Awaitable<Result<std::string>> WebSocketLink::exchange(std::uint64_t id, std::string request,
                                                            TimePoint deadline) {
    if (!current_ || current_->ended) {
        current_ = std::make_shared<Connection>(tasks_.executor());
        tasks_.spawn(run(current_, url_, trust_, tasks_, deadline));
    }
    const auto connection = current_;
    const auto answer = std::make_shared<Answer>(tasks_.executor());
    connection->waiting.emplace(id, answer);
    connection->out.push_back(std::move(request));
    connection->wake.notify();
    auto waiting = answer->wait_until(deadline);
    const auto* arrived = co_await std::move(waiting);
    if (arrived != nullptr) {
        co_return *arrived;
    }
    // Whatever still comes from such a node comes too late, and nobody knows how much waits in it.
    connection->waiting.erase(id);
    connection->end({.code = Errc::TimedOut, .text = "the node did not answer another request"});
    co_return fail(Errc::TimedOut, "no answer in time");
}

net::Awaitable<void> WebSocketLink::run(Shared connection, NodeUrl url, NodeTrust trust,
                                        net::TaskGroup& tasks, TimePoint deadline) {
    auto opening = open_node_stream(url, trust, deadline);
    auto opened = co_await std::move(opening);
    if (!opened || connection->ended) {
        connection->end(opened ? Error{Errc::Cancelled, "closed"} : opened.error());
        co_return;
    }
    connection->stream = std::move(*opened);
    tasks.spawn(write(connection));
    while (!connection->ended) {
        auto receiving = connection->stream->receive(kNever);
        auto text = co_await std::move(receiving);
        if (!text) {
            connection->end(text.error());
            break;
        }
        deliver(*connection, std::move(*text));
    }
}

net::Awaitable<void> WebSocketLink::write(Shared connection) {
    while (!connection->ended) {
        auto waking = connection->wake.wait_until(kNever);
        (void)co_await std::move(waking);
        while (!connection->ended && !connection->out.empty()) {
            const std::string text = std::move(connection->out.front());
            connection->out.pop_front();
            auto sending = connection->stream->send(text, kNever);
            if (const auto sent = co_await std::move(sending); !sent) {
                connection->end(sent.error());
            }
        }
    }
}

/// An answer that nobody can be told of may be anybody's: then all are not understood.
void WebSocketLink::deliver(Connection& connection, std::string text) {
    const auto reply = parse_reply(text);
    const auto place = reply ? connection.waiting.find(reply->id) : connection.waiting.end();
    if (place == connection.waiting.end()) {
        connection.end({.code = Errc::ProtocolViolation, .text = "an answer is not understood"});
        return;
    }
    const auto answer = place->second;
    connection.waiting.erase(place);
    answer->set(std::move(text));
}

void WebSocketLink::close() {
    if (current_ && !current_->ended) {
        current_->end({.code = Errc::Cancelled, .text = "closed"});
    }
}

}  // namespace diglett::auth::grid
