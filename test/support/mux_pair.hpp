#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "mux/link.hpp"
#include "test/support/memory_io.hpp"
#include "wire/message.hpp"

namespace diglett::test {

/// One end of a pair: a Link, its streams' outside ends, and the bytes it has sealed but not sent.
class MuxEnd final : public mux::MultiplexerEvents {
  public:
    MuxEnd(const mux::Link::Options& options, TimePoint now)
        : options(options),
          pool(std::make_unique<mux::ChunkPool>(4)),
          link(std::make_unique<mux::Link>(options, *pool, *this, now)) {}

    void on_open(StreamId stream, const wire::Open& open) override {
        opened[stream] = open;
        if (on_opened) {
            on_opened(stream, open);
        }
    }

    Status on_message(wire::FrameKind kind, std::uint32_t id, ByteView payload) override {
        messages.push_back({kind, id, ByteVector(payload.begin(), payload.end())});
        return {};
    }

    void on_stream_ended(StreamId stream) override {
        is_confused = is_confused || !ended.insert(stream).second;
    }

    void send(wire::FrameKind kind, std::uint32_t id, const ByteVector& payload) {
        is_confused = is_confused || !link->send_message(kind, id, payload);
    }

    template <class Message>
    void send(wire::FrameKind kind, std::uint32_t id, const Message& message) {
        ByteVector payload;
        wire::encode(message, payload);
        send(kind, id, payload);
    }

    /// Puts the next batch into `outgoing`. @return its size.
    std::size_t seal(TimePoint now) {
        const std::size_t before = outgoing.size();
        for (const ByteView part : link->next_batch(now)) {
            outgoing.insert(outgoing.end(), part.begin(), part.end());
        }
        if (on_sealed) {
            on_sealed(ByteView(outgoing).subspan(before));
        }
        return outgoing.size() - before;
    }

    /// Answers every want_read and want_write that would not be in vain. @return whether any was.
    bool serve_sockets(TimePoint now) {
        bool has_moved = false;
        for (auto& [stream, io] : ios) {
            if (!io->is_over() && io->wants_read && io->can_read()) {
                io->wants_read = false;
                link->readable(stream, now);
                has_moved = true;
            }
            if (!io->is_over() && io->wants_write && io->can_write()) {
                io->wants_write = false;
                link->writable(stream, now);
                has_moved = true;
            }
        }
        return has_moved;
    }

    struct Message {
        wire::FrameKind kind;
        std::uint32_t id;
        ByteVector payload;
    };

    mux::Link::Options options;
    std::unique_ptr<mux::ChunkPool> pool;
    std::unique_ptr<mux::Link> link;
    std::map<StreamId, std::shared_ptr<MemoryIo>> ios;
    std::map<StreamId, wire::Open> opened;
    std::set<StreamId> ended;
    std::vector<Message> messages;
    std::function<void(StreamId, const wire::Open&)> on_opened;
    std::function<void(ByteView)> on_sealed;  ///< Sees each batch.
    std::vector<std::byte> outgoing;
    bool is_confused = false;  ///< An event came twice, or a message found no room.
};

/// A gateway and an agent over a carrier in memory. Nothing moves by itself: step() moves bytes of
/// one direction, settle() everything until both are quiet. Time is `now`.
class MuxPair {
  public:
    explicit MuxPair(mux::Link::Options options = {})
        : gateway(with_role(options, mux::Role::Gateway), now),
          agent(with_role(options, mux::Role::Agent), now) {}

    MuxPair(const mux::Link::Options& gateway_options, const mux::Link::Options& agent_options)
        : gateway(with_role(gateway_options, mux::Role::Gateway), now),
          agent(with_role(agent_options, mux::Role::Agent), now) {}

    /// The opening of a session, up to where streams may be opened.
    void open_session() {
        for (MuxEnd* const end : {&gateway, &agent}) {
            wire::Hello hello;
            hello.link_limit = end->options.link_limit;
            hello.stream_limit = end->options.stream_limit;
            end->send(wire::FrameKind::Hello, 0, hello);
        }
        agent.send(wire::FrameKind::Login, 0, wire::Login());
        agent.send(wire::FrameKind::Register, 1, wire::Register{.name = "example"});
        agent.send(wire::FrameKind::FinishRegister, 0, ByteVector());
        gateway.send(wire::FrameKind::Welcome, 0, wire::Welcome());
        gateway.send(wire::FrameKind::Ok, 1, ByteVector());
        settle();
    }

    /// A visitor and the backend that will answer it.
    StreamId open(const MemoryIo::Plan& visitor, std::optional<MemoryIo::Plan> backend,
                  RegistrationId registration = {}) {
        const auto io = std::make_shared<MemoryIo>(visitor);
        wire::Open open;
        open.registration = registration;
        const auto id = gateway.link->open(io, open, now);
        if (!id) {
            return StreamId{};
        }
        gateway.ios[*id] = io;
        if (backend) {
            backends[*id] = *backend;
        }
        return *id;
    }

    /// Attaches the planned backend of each stream that the agent has heard of.
    bool attach_backends() {
        bool has_moved = false;
        for (auto plan = backends.begin(); plan != backends.end();) {
            if (!agent.opened.contains(plan->first)) {
                ++plan;
                continue;
            }
            const auto io = std::make_shared<MemoryIo>(plan->second);
            agent.ios[plan->first] = io;
            agent.link->attach(plan->first, io, now);
            plan = backends.erase(plan);
            has_moved = true;
        }
        return has_moved;
    }

    /// Delivers at most `bytes` of what `from` has sealed, sealing a batch first if there is none.
    /// Without `receives` the bytes only leave the sealed buffer. @return bytes moved.
    std::size_t step(MuxEnd& from, MuxEnd& to, std::size_t bytes) {
        if (from.outgoing.empty() && from.link->has_output()) {
            from.seal(now);
        }
        const std::size_t count = std::min(bytes, from.outgoing.size());
        if (count > 0 && status) {
            const ByteVector piece(from.outgoing.begin(),
                                   from.outgoing.begin() + static_cast<std::ptrdiff_t>(count));
            from.outgoing.erase(from.outgoing.begin(),
                                from.outgoing.begin() + static_cast<std::ptrdiff_t>(count));
            status = to.link->receive(piece, now);
        }
        return count;
    }

    /// Everything that can happen now happens, in pieces of at most `bytes`, `rounds` times at
    /// most.
    /// @return whether both ends are quiet.
    bool settle(std::size_t bytes = 1 << 20, std::size_t rounds = 1 << 20) {
        for (std::size_t i = 0; i < rounds && status; ++i) {
            bool has_moved = attach_backends();
            has_moved = gateway.serve_sockets(now) || has_moved;
            has_moved = agent.serve_sockets(now) || has_moved;
            has_moved = step(gateway, agent, bytes) > 0 || has_moved;
            has_moved = step(agent, gateway, bytes) > 0 || has_moved;
            if (!has_moved) {
                return true;
            }
        }
        return false;
    }

    /// Lets time go by in steps, doing what is due, until `end`.
    void pass(Duration span, Duration step_size = std::chrono::milliseconds(10)) {
        for (const TimePoint end = now + span; now < end && status;) {
            now += step_size;
            on_time();
            settle();
        }
    }

    void on_time() {
        for (MuxEnd* const end : {&gateway, &agent}) {
            if (status && now >= end->link->deadline()) {
                status = end->link->on_time(now);
            }
        }
    }

    [[nodiscard]] MemoryIo& visitor(StreamId stream) { return *gateway.ios.at(stream); }

    [[nodiscard]] MemoryIo& backend(StreamId stream) { return *agent.ios.at(stream); }

    TimePoint now = TimePoint{} + std::chrono::hours(1);
    MuxEnd gateway;
    MuxEnd agent;
    std::map<StreamId, MemoryIo::Plan> backends;  ///< Not attached yet.
    Status status;                                ///< The first error of either link.

  private:
    static mux::Link::Options with_role(mux::Link::Options options, mux::Role role) {
        options.role = role;
        return options;
    }
};

}  // namespace diglett::test
