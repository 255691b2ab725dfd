#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/channel.hpp"

namespace diglett::test {

/// One end of a connection in memory: a channel with the bytes that wait to be sent.
struct ChannelEnd {
    std::unique_ptr<crypto::Channel> channel;
    ByteVector out = {};
    bool established = false;
    std::optional<Error> error = {};
    std::string received = {};

    /// Gives `bytes` to the channel, however far it is, and keeps what it opens.
    void take(ByteView bytes) {
        channel->feed(bytes);
        if (!established && !error) {
            const auto state = channel->advance(out);
            if (!state) {
                error = state.error();
            } else {
                established = *state == crypto::Channel::State::Established;
            }
        }
        while (established && !error && open_some()) {
        }
    }

    void send(std::string_view text) {
        const ByteView part = as_bytes(text);
        if (const Status sealed = channel->seal(std::span(&part, 1), out); !sealed) {
            error = sealed.error();
        }
    }

  private:
    bool open_some() {
        std::byte plaintext[4096];
        const auto opened = channel->open(plaintext, out);
        if (!opened) {
            error = opened.error();
            return false;
        }
        received += as_text(ByteView(plaintext, *opened));
        return *opened > 0;
    }
};

/// Two ends joined in memory.
struct ChannelPair {
    ChannelEnd client;
    ChannelEnd server;
    ByteVector client_sent = {};  ///< Everything that travelled, for captures.
    ByteVector server_sent = {};

    /// Carries bytes both ways, at most `piece` at a time, until both are silent.
    void run(std::size_t piece = SIZE_MAX) {
        static_cast<void>(client.take({}));
        while (!client.out.empty() || !server.out.empty()) {
            carry(client, server, client_sent, piece);
            carry(server, client, server_sent, piece);
        }
    }

    [[nodiscard]] bool established() const { return client.established && server.established; }

  private:
    static void carry(ChannelEnd& from, ChannelEnd& to, ByteVector& log, std::size_t piece) {
        const ByteVector bytes = std::exchange(from.out, {});
        log.insert(log.end(), bytes.begin(), bytes.end());
        for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
            to.take(ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at)));
        }
    }
};

}  // namespace diglett::test
