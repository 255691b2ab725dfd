#include "auth/grid/chain/node_stream.hpp"

#include <unistd.h>

#include <chrono>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "auth/grid/chain/limits.hpp"
#include "auth/grid/chain/rpc_message.hpp"
#include "net/dial.hpp"

#ifdef BOOST_ASIO_SEPARATE_COMPILATION
#include <boost/asio/ssl/impl/src.hpp>  // Asio's TLS, compiled once: here
#endif

namespace diglett::auth::grid {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using net::kAwait;

using TcpStream = beast::basic_stream<asio::ip::tcp, net::Executor>;
using TlsStream = asio::ssl::stream<TcpStream>;

constexpr const char* kUserAgent = "diglett";

Error error_of(const beast::error_code& error) {
    if (error == beast::error::timeout) {
        return {.code = Errc::TimedOut, .text = "no answer in time"};
    }
    if (error == websocket::error::buffer_overflow || error == websocket::error::message_too_big ||
        error == http::error::body_limit) {
        return {.code = Errc::ProtocolViolation, .text = "the answer is too long"};
    }
    if (error == http::error::end_of_stream || error == asio::error::eof ||
        error == websocket::error::closed || error == asio::ssl::error::stream_truncated) {
        return {.code = Errc::IoFailed, .text = "the node closed the connection"};
    }
    const auto& category = error.category();
    const bool is_protocol =
        category == beast::error_code(websocket::error::bad_opcode).category() ||
        category == beast::error_code(http::error::bad_method).category();
    return {.code = is_protocol ? Errc::ProtocolViolation : Errc::IoFailed,
            .text = error.message()};
}

template <class Stream>
class WebSocketStream final : public NodeStream {
  public:
    template <class... Args>
    explicit WebSocketStream(Args&&... args) : stream_(std::forward<Args>(args)...) {}

    [[nodiscard]] Stream& inner() { return stream_.next_layer(); }

    net::Awaitable<Status> start(const NodeUrl& url, TimePoint deadline) {
        websocket::stream_base::timeout limits{};
        limits.handshake_timeout = std::max<Duration>(deadline - Clock::now(), kMinHandshakeTime);
        limits.idle_timeout = kIdleLimit;
        limits.keep_alive_pings = true;
        beast::get_lowest_layer(stream_).expires_never();  // from here on the web socket's own
        stream_.set_option(limits);
        stream_.read_message_max(kMaxAnswerBytes);
        const auto [error] =
            co_await stream_.async_handshake(net::to_string(url.endpoint), url.target, kAwait);
        if (error) {
            co_return std::unexpected(error_of(error));
        }
        co_return Status();
    }

    net::Awaitable<Status> send(const std::string& text, TimePoint /*deadline*/) override {
        stream_.text(true);
        const auto [error, bytes] = co_await stream_.async_write(asio::buffer(text), kAwait);
        if (error) {
            co_return std::unexpected(error_of(error));
        }
        co_return Status();
    }

    net::Awaitable<Result<std::string>> receive(TimePoint /*deadline*/) override {
        beast::flat_buffer buffer;
        const auto [error, bytes] = co_await stream_.async_read(buffer, kAwait);
        if (error) {
            co_return std::unexpected(error_of(error));
        }
        co_return beast::buffers_to_string(buffer.data());
    }

    bool is_usable() const override { return stream_.is_open(); }

    void close() override { beast::get_lowest_layer(stream_).close(); }

  private:
    websocket::stream<Stream> stream_;
};

template <class Stream>
class HttpStream final : public NodeStream {
  public:
    template <class... Args>
    explicit HttpStream(Args&&... args) : stream_(std::forward<Args>(args)...) {}

    [[nodiscard]] Stream& inner() { return stream_; }

    net::Awaitable<Status> start(const NodeUrl& url, TimePoint /*deadline*/) {
        request_.method(http::verb::post);
        request_.target(url.target);
        request_.version(11);
        request_.set(http::field::host, net::to_string(url.endpoint));
        request_.set(http::field::user_agent, kUserAgent);
        request_.set(http::field::content_type, "application/json");
        co_return Status();
    }

    net::Awaitable<Status> send(const std::string& text, TimePoint deadline) override {
        request_.body() = text;
        request_.prepare_payload();
        beast::get_lowest_layer(stream_).expires_at(deadline);
        usable_ = false;
        const auto [error, bytes] = co_await http::async_write(stream_, request_, kAwait);
        if (error) {
            co_return std::unexpected(error_of(error));
        }
        co_return Status();
    }

    net::Awaitable<Result<std::string>> receive(TimePoint deadline) override {
        http::response_parser<http::string_body> parser;
        parser.body_limit(kMaxAnswerBytes);
        beast::get_lowest_layer(stream_).expires_at(deadline);
        const auto [error, bytes] = co_await http::async_read(stream_, buffer_, parser, kAwait);
        if (error) {
            co_return std::unexpected(error_of(error));
        }
        beast::get_lowest_layer(stream_).expires_never();
        const auto status = parser.get().result_int();
        if (status != static_cast<unsigned>(http::status::ok)) {
            co_return fail(Errc::ProtocolViolation,
                           fmt::format("the node answers with HTTP status {}", status));
        }
        usable_ = parser.keep_alive();
        co_return std::move(parser.get().body());
    }

    bool is_usable() const override { return usable_; }

    void close() override { beast::get_lowest_layer(stream_).close(); }

  private:
    Stream stream_;
    http::request<http::string_body> request_;
    beast::flat_buffer buffer_{kMaxAnswerBytes};
    bool usable_ = true;
};

bool is_ip_address(const std::string& host) {
    beast::error_code error;
    asio::ip::make_address(host, error);
    return !error;
}

/// What the certificate must be for; the name also goes to the node (SNI), an address does not.
bool expect_host(SSL* ssl, const std::string& host) {
    if (is_ip_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    }
    return SSL_set1_host(ssl, host.c_str()) == 1 &&
           SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;  // NOLINT: a cast within OpenSSL
}

net::Awaitable<Status> shake_hands(TcpStream& /*stream*/, const NodeUrl& /*url*/,
                                   TimePoint /*deadline*/) {
    co_return Status();
}

net::Awaitable<Status> shake_hands(TlsStream& stream, const NodeUrl& url, TimePoint deadline) {
    SSL* ssl = stream.native_handle();
    if (!expect_host(ssl, url.endpoint.host)) {
        co_return fail(Errc::TlsFailed, "no certificate can be for this host");
    }
    stream.next_layer().expires_at(deadline);
    const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kAwait);
    if (!error) {
        co_return Status();
    }
    if (const auto wrong = SSL_get_verify_result(ssl); wrong != X509_V_OK) {
        co_return fail(Errc::TlsFailed, fmt::format("its certificate is refused: {}",
                                                    X509_verify_cert_error_string(wrong)));
    }
    if (error == beast::error::timeout) {
        co_return std::unexpected(error_of(error));
    }
    co_return fail(Errc::TlsFailed, fmt::format("no TLS there: {}", error.message()));
}

TcpStream own(net::Socket socket) {
    TcpStream stream(socket.executor());
    const int fd = socket.release();
    beast::error_code error;
    stream.socket().assign(asio::ip::tcp::v4(), fd, error);  // the family is not looked at again
    if (error) {
        ::close(fd);
        return stream;
    }
    stream.socket().set_option(asio::ip::tcp::no_delay(true), error);
    return stream;
}

template <class Made>
net::Awaitable<Result<std::unique_ptr<NodeStream>>> finish(std::unique_ptr<Made> made,
                                                           const NodeUrl& url, TimePoint deadline) {
    auto secured = shake_hands(made->inner(), url, deadline);
    if (auto done = co_await std::move(secured); !done) {
        co_return forward_error(done);
    }
    auto started = made->start(url, deadline);
    if (auto done = co_await std::move(started); !done) {
        co_return forward_error(done);
    }
    co_return std::unique_ptr<NodeStream>(std::move(made));
}

}  // namespace

struct NodeTrust::Context {
    asio::ssl::context tls{asio::ssl::context::tls_client};
};

Result<NodeTrust> NodeTrust::load(const std::string& ca_file) {
    NodeTrust trust;
    trust.context_ = std::make_shared<Context>();
    auto& tls = trust.context_->tls;
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    tls.set_verify_mode(asio::ssl::verify_peer);
    beast::error_code error;
    if (ca_file.empty()) {
        tls.set_default_verify_paths(error);
        return trust;
    }
    if (::access(ca_file.c_str(), R_OK) != 0) {
        return fail(Errc::UnreadableFile, fmt::format("{}: {}", ca_file, net::errno_text(errno)));
    }
    tls.load_verify_file(ca_file, error);
    if (error) {
        return fail(Errc::InvalidConfig, fmt::format("{}: holds no certificate in PEM", ca_file));
    }
    return trust;
}

net::Awaitable<Result<std::unique_ptr<NodeStream>>> open_node_stream(const NodeUrl& url,
                                                                     const NodeTrust& trust,
                                                                     TimePoint deadline) {
    auto dialling = net::dial(url.endpoint, deadline);
    auto dialled = co_await std::move(dialling);
    if (!dialled) {
        co_return std::unexpected(std::move(dialled.error().error));
    }
    auto starting = start_node_stream(std::move(*dialled), url, trust, deadline);
    co_return co_await std::move(starting);
}

net::Awaitable<Result<std::unique_ptr<NodeStream>>> start_node_stream(net::Socket socket,
                                                                      const NodeUrl& url,
                                                                      const NodeTrust& trust,
                                                                      TimePoint deadline) {
    auto stream = own(std::move(socket));
    auto& tls = trust.context().tls;
    if (url.web_socket && url.tls) {
        auto made = std::make_unique<WebSocketStream<TlsStream>>(std::move(stream), tls);
        auto finishing = finish(std::move(made), url, deadline);
        co_return co_await std::move(finishing);
    }
    if (url.web_socket) {
        auto made = std::make_unique<WebSocketStream<TcpStream>>(std::move(stream));
        auto finishing = finish(std::move(made), url, deadline);
        co_return co_await std::move(finishing);
    }
    if (url.tls) {
        auto made = std::make_unique<HttpStream<TlsStream>>(std::move(stream), tls);
        auto finishing = finish(std::move(made), url, deadline);
        co_return co_await std::move(finishing);
    }
    auto made = std::make_unique<HttpStream<TcpStream>>(std::move(stream));
    auto finishing = finish(std::move(made), url, deadline);
    co_return co_await std::move(finishing);
}

}  // namespace diglett::auth::grid
