#pragma once

#include <memory>
#include <string>

#include "auth/grid/chain/node_url.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/async.hpp"
#include "net/socket.hpp"

namespace diglett::auth::grid {

/// An open connection to a node: texts go out, texts come in. One send and one receive may be under
/// way at a time. All errors are about the node (IoFailed, TimedOut, TlsFailed, ProtocolViolation)
/// and end the connection.
class NodeStream {
  public:
    virtual ~NodeStream() = default;

    /// @param text outlives the await.
    [[nodiscard]] virtual net::Awaitable<Status> send(const std::string& text,
                                                      TimePoint deadline) = 0;

    /// The next answer, at most kMaxAnswerBytes. Over a web socket answers come in any order and
    /// `deadline` is for the connection: kNever waits as long as the node answers pings; over HTTP
    /// each send is followed by one receive.
    [[nodiscard]] virtual net::Awaitable<Result<std::string>> receive(TimePoint deadline) = 0;

    /// Whether another request may follow.
    [[nodiscard]] virtual bool is_usable() const = 0;

    /// What is under way fails.
    virtual void close() = 0;
};

/// Whom to believe about certificates.
class NodeTrust {
  public:
    /// The system's authorities, or those of the PEM file `ca_file` alone when it is not empty.
    /// @return UnreadableFile, InvalidConfig when it holds no certificate.
    [[nodiscard]] static Result<NodeTrust> load(const std::string& ca_file);

    struct Context;

    [[nodiscard]] Context& context() const { return *context_; }

  private:
    std::shared_ptr<Context> context_;
};

/// Connects, with TLS 1.2 or later where the URL says so: the certificate must come from `trust`,
/// be valid now and be for the URL's host.
/// @param url, trust outlive the await.
/// @return IoFailed, TimedOut, TlsFailed (with what is wrong with the certificate),
///         ProtocolViolation (no web socket there).
[[nodiscard]] net::Awaitable<Result<std::unique_ptr<NodeStream>>> open_node_stream(
    const NodeUrl& url, const NodeTrust& trust, TimePoint deadline);

/// The same over a connection that is there already.
[[nodiscard]] net::Awaitable<Result<std::unique_ptr<NodeStream>>> start_node_stream(
    net::Socket socket, const NodeUrl& url, const NodeTrust& trust, TimePoint deadline);

}  // namespace diglett::auth::grid
