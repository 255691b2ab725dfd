#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/agent_key.hpp"
#include "crypto/secure_channel.hpp"
#include "crypto/tls_context.hpp"
#include "test/support/blocking_socket.hpp"
#include "wire/frame_codec.hpp"
#include "wire/frame_reader.hpp"
#include "wire/message.hpp"

namespace diglett::test {

/// A frame as the test wrote it or the other side sent it.
struct PlainFrame {
    wire::FrameKind kind;
    std::uint32_t id = 0;
    ByteVector payload = {};
};

template <class Message>
    requires(!std::convertible_to<const Message&, std::string_view>)
PlainFrame frame(wire::FrameKind kind, std::uint32_t id, const Message& message) {
    PlainFrame made{kind, id};
    wire::encode(message, made.payload);
    return made;
}

inline PlainFrame frame(wire::FrameKind kind, std::uint32_t id = 0, std::string_view payload = {}) {
    const auto bytes = as_bytes(payload);
    return {kind, id, ByteVector(bytes.begin(), bytes.end())};
}

inline ByteVector bytes_of(const std::vector<PlainFrame>& frames) {
    ByteVector bytes;
    for (const auto& [kind, id, payload] : frames) {
        wire::append_frame(kind, id, payload, bytes);
    }
    return bytes;
}

/// Descriptors that this process has open.
inline std::size_t open_descriptors() {
    std::size_t count = 0;
    DIR* const folder = ::opendir("/proc/self/fd");
    while (::readdir(folder) != nullptr) {
        ++count;
    }
    ::closedir(folder);
    return count;
}

/// The other end of a session, played by the test: real TLS over a blocking socket, every frame
/// written by hand. Each call is bounded by 20 s (BlockingSocket).
class ScriptedPeer {
  public:
    /// Shakes hands, as server or client as `channel` is. Throws when that fails.
    ScriptedPeer(BlockingSocket socket, std::unique_ptr<crypto::SecureChannel> channel)
        : socket_(std::move(socket)), channel_(std::move(channel)) {
        const int on = 1;
        ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        shake_hands();
    }

    /// Sends plaintext in TLS records of at most `piece` bytes. @return false when the other side
    /// is gone.
    bool send(ByteView plaintext, std::size_t piece = SIZE_MAX) {
        for (std::size_t at = 0; at < plaintext.size();) {
            const ByteView part = plaintext.subspan(at, std::min(piece, plaintext.size() - at));
            ByteVector out;
            if (!channel_->seal(std::span(&part, 1), out) || !socket_.send(as_text(out))) {
                return false;
            }
            at += part.size();
        }
        return true;
    }

    bool send(const std::vector<PlainFrame>& frames) { return send(bytes_of(frames)); }

    bool send(const PlainFrame& one) { return send(std::vector<PlainFrame>{one}); }

    /// The next frame, without Acks, which come when they come. Nothing when the session ended or
    /// after 20 s.
    std::optional<PlainFrame> receive() {
        auto next = receive_any();
        while (next && next->kind == wire::FrameKind::Ack) {
            next = receive_any();
        }
        return next;
    }

    /// The next frame, of whatever kind.
    std::optional<PlainFrame> receive_any() {
        while (frames_.empty()) {
            if (!read_more()) {
                return std::nullopt;
            }
        }
        PlainFrame first = std::move(frames_.front());
        frames_.erase(frames_.begin());
        return first;
    }

    /// The next frame of `kind`; others are passed over.
    std::optional<PlainFrame> receive(wire::FrameKind kind) {
        auto next = receive();
        while (next && next->kind != kind) {
            next = receive();
        }
        return next;
    }

    /// Whether the other side answers a ping.
    bool is_alive() {
        ++pings_;
        return send(frame(wire::FrameKind::Ping, 0, wire::Ping{pings_})) &&
               receive(wire::FrameKind::Pong).has_value();
    }

    /// Reads until the session is over. @return false when that does not happen within 20 s.
    bool sees_the_end() {
        while (receive()) {
        }
        return has_ended_;
    }

    /// Ends the connection as a lost one ends: a reset without close_notify.
    void cut() { socket_.reset(); }

    /// close_notify and FIN.
    void close() {
        ByteVector out;
        channel_->close(out);
        std::ignore = socket_.send(as_text(out));
        socket_.shutdown_write();
    }

    [[nodiscard]] crypto::SecureChannel& channel() { return *channel_; }

  private:
    void shake_hands() {
        while (true) {
            ByteVector out;
            const auto state = channel_->advance(out);
            std::ignore = socket_.send(as_text(out));
            if (!state) {
                throw std::runtime_error("no handshake: " + state.error().text);
            }
            if (*state == crypto::Channel::State::Established) {
                break;
            }
            if (!read_ciphertext()) {
                throw std::runtime_error("the other side went during the handshake");
            }
        }
        std::ignore = open_all();
    }

    bool read_ciphertext() {
        ciphertext_.resize(std::size_t{64} * 1024);
        const auto got = ::recv(socket_.fd(), ciphertext_.data(), ciphertext_.size(), 0);
        has_ended_ = got == 0 || (got < 0 && errno != EAGAIN);
        if (got <= 0) {
            return false;
        }
        channel_->feed(ByteView(ciphertext_).first(static_cast<std::size_t>(got)));
        return true;
    }

    bool read_more() { return !has_ended_ && read_ciphertext() && open_all(); }

    bool open_all() {
        ByteVector plaintext(std::size_t{32} * 1024);
        while (true) {
            ByteVector out;
            const auto opened = channel_->open(plaintext, out);
            if (!opened) {
                has_ended_ = true;
                return !frames_.empty();
            }
            if (*opened == 0) {
                return true;
            }
            const auto cut =
                reader_.read(ByteView(plaintext).first(*opened), [this](auto header, auto payload) {
                    frames_.push_back(
                        {header.kind, header.id, ByteVector(payload.begin(), payload.end())});
                    return Status{};
                });
            if (!cut) {
                throw std::runtime_error("no frames: " + cut.error().text);
            }
        }
    }

    BlockingSocket socket_;
    std::unique_ptr<crypto::SecureChannel> channel_;
    wire::FrameReader reader_{wire::kProtocol2Frames};
    ByteVector ciphertext_;
    std::vector<PlainFrame> frames_;
    std::uint64_t pings_ = 0;
    bool has_ended_ = false;
};

/// An agent played by the test.
class ScriptedAgent : public ScriptedPeer {
  public:
    explicit ScriptedAgent(std::uint16_t port)
        : ScriptedPeer(connect_to(port), crypto::ClientTls::create({})->connect("")) {}

    [[nodiscard]] static PlainFrame hello() {
        wire::Hello message;
        message.software = "script";
        message.link_limit = 1 << 20;
        message.stream_limit = 1 << 18;
        return frame(wire::FrameKind::Hello, 0, message);
    }

    /// Signed over this connection.
    [[nodiscard]] PlainFrame login(unsigned char instance = 1) {
        static const auto key = crypto::AgentKey::generate();
        wire::Login message;
        message.agent_key = key.public_key();
        const auto binding = channel().exporter("EXPORTER-diglett-2-login");
        message.agent_signature = key.sign_login(binding.value());
        message.instance.fill(std::byte{instance});
        return frame(wire::FrameKind::Login, 0, message);
    }

    [[nodiscard]] static PlainFrame register_name(std::uint32_t id, const std::string& name,
                                                  bool takeover = false) {
        return frame(wire::FrameKind::Register, id,
                     wire::Register{.name = name, .takeover = takeover});
    }

    [[nodiscard]] static PlainFrame finish() { return frame(wire::FrameKind::FinishRegister); }

    /// The flight that opens a session with the registrations 1, 2, ... for `names`.
    [[nodiscard]] std::vector<PlainFrame> opening(const std::vector<std::string>& names,
                                                  unsigned char instance = 1) {
        std::vector<PlainFrame> frames{hello(), login(instance)};
        for (const auto& name : names) {
            frames.push_back(register_name(static_cast<std::uint32_t>(frames.size() - 1), name));
        }
        frames.push_back(finish());
        return frames;
    }

    /// The helper port of an Ok; 0 when something else comes.
    std::uint16_t receive_ok() {
        const auto answer = receive_answer();
        if (!answer || answer->kind != wire::FrameKind::Ok) {
            return 0;
        }
        const auto registered = wire::decode<wire::Registered>(answer->payload);
        return registered ? registered->port : std::uint16_t{0};
    }

    /// The code of an Error; Unknown when something else comes.
    wire::RefusalCode receive_error() {
        const auto answer = receive_answer();
        if (!answer || answer->kind != wire::FrameKind::Error) {
            return wire::RefusalCode::Unknown;
        }
        const auto refused = wire::decode<wire::Refusal>(answer->payload);
        return refused ? refused->code : wire::RefusalCode::Unknown;
    }

    /// The next Ok or Error.
    std::optional<PlainFrame> receive_answer() {
        auto next = receive();
        while (next && next->kind != wire::FrameKind::Ok && next->kind != wire::FrameKind::Error) {
            next = receive();
        }
        return next;
    }
};

}  // namespace diglett::test
