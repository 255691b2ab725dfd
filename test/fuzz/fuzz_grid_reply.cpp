// Whatever a node sends is an answer of the one form, or none: as a text, as an HTTP response, or
// as frames of a web socket. The first byte says which.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <openssl/evp.h>

#include "auth/grid/chain/node_stream.hpp"
#include "auth/grid/chain/rpc_message.hpp"
#include "base/assert.hpp"
#include "base/unique_fd.hpp"
#include "wire/hex.hpp"

namespace {

using namespace diglett;
using namespace diglett::auth::grid;

enum class Way : std::uint8_t { Text, Http, WebSocket };

constexpr std::size_t kMostMessages = 64;

void understand(std::string_view text) {
    const auto reply = parse_reply(text);
    if (!reply || !reply->result) {
        return;
    }
    if (const auto hash = parse_hash(*reply->result)) {
        DIGLETT_ASSERT(hash->size() == 66 && parse_hash(boost::json::value(*hash)) == hash);
    }
    if (const auto stored = parse_storage(*reply->result); stored && *stored) {
        const boost::json::value again("0x" + wire::to_hex(**stored));
        DIGLETT_ASSERT(parse_storage(again) == stored);
    }
    (void)parse_runtime(*reply->result);
}

/// The node's answer to a web socket's opening (RFC 6455 section 4.2.2).
std::string accept_web_socket(std::string_view request) {
    constexpr std::string_view kField = "Sec-WebSocket-Key: ";
    const auto at = request.find(kField);
    DIGLETT_ASSERT(at != std::string_view::npos);
    const std::string key = std::string(request.substr(at + kField.size(), 24)) +
                            "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, 20> digest{};
    EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
    std::array<unsigned char, 29> encoded{};
    EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           std::string(reinterpret_cast<const char*>(encoded.data()), 28) + "\r\n\r\n";
}

net::Awaitable<void> receive_all(net::Socket socket, const NodeUrl& url, const NodeTrust& trust,
                                 bool& done) {
    const auto deadline = Clock::now() + std::chrono::seconds(10);
    auto starting = start_node_stream(std::move(socket), url, trust, deadline);
    auto stream = co_await std::move(starting);
    for (std::size_t i = 0; stream && i < kMostMessages; ++i) {
        if (!url.web_socket) {
            auto sending = (*stream)->send("{}", deadline);
            if (const auto sent = co_await std::move(sending); !sent) {
                break;
            }
        }
        auto receiving = (*stream)->receive(deadline);
        const auto text = co_await std::move(receiving);
        if (!text) {
            break;
        }
        DIGLETT_ASSERT(text->size() <= kMaxAnswerBytes);
        understand(*text);
        if (!(*stream)->is_usable()) {
            break;
        }
    }
    done = true;
}

void send_all(int fd, std::string_view data) {
    DIGLETT_ASSERT(::send(fd, data.data(), data.size(), MSG_NOSIGNAL) ==
                   static_cast<ssize_t>(data.size()));
}

void understand_over(const NodeUrl& url, std::string_view data) {
    static const auto trust = NodeTrust::load("").value();
    std::array<int, 2> ends{};
    DIGLETT_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const UniqueFd node(ends[1]);
    net::asio::io_context loop;
    bool done = false;
    net::asio::co_spawn(loop,
                        receive_all(net::Socket(loop.get_executor(), ends[0]), url, trust, done),
                        [](const std::exception_ptr& error) { DIGLETT_ASSERT(!error); });
    if (url.web_socket) {
        loop.poll();  // it says what it wants
        std::array<char, 4096> request{};
        const auto size = ::recv(node.get(), request.data(), request.size(), 0);
        DIGLETT_ASSERT(size > 0);
        send_all(node.get(), accept_web_socket({request.data(), static_cast<std::size_t>(size)}));
    }
    send_all(node.get(), data);
    ::shutdown(node.get(), SHUT_WR);
    while (!done) {
        DIGLETT_ASSERT(loop.run_one_for(std::chrono::seconds(5)) > 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto http = parse_node_url("http://127.0.0.1:1").value();
    static const auto web_socket = parse_node_url("ws://127.0.0.1:1").value();
    if (size == 0 || size > 65'536) {
        return 0;
    }
    const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (static_cast<Way>(data[0] % 3)) {
        case Way::Text:
            understand(rest);
            break;
        case Way::Http:
            understand_over(http, rest);
            break;
        case Way::WebSocket:
            understand_over(web_socket, rest);
            break;
    }
    return 0;
}
