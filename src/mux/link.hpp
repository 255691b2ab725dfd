#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "base/budget.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "mux/chunk_pool.hpp"
#include "mux/limits.hpp"
#include "mux/multiplexer.hpp"
#include "mux/role.hpp"
#include "wire/message.hpp"

namespace diglett::mux {

/// One link of protocol 2: a pair of byte journals whose frames carry streams and conversation. See
/// Multiplexer for the calls; a link starts attached to its first carrier.
///
/// Conversation frames: the owner sends its own Hello with send_message() before anything else,
/// with Options::link_limit and Options::stream_limit in it; the link reads the peer's limits out
/// of the peer's Hello before the owner sees it. Frames that come in the wrong order or from the
/// wrong side end the session with ProtocolViolation, so on_message() need not check that.
///
/// on_stream_ended() comes from inside receive() and on_time(), for each stream once.
class Link final : public Multiplexer {
  public:
    struct Options {
        Role role = Role::Agent;
        /// Streams at once; open() refuses more, and an agent resets those that the gateway opens
        /// beyond it.
        std::uint32_t max_streams = kMaxStreams;
        /// What the own Hello says.
        std::uint64_t link_limit = kInitialLinkWindowBytes;
        std::uint64_t stream_limit = kInitialStreamWindowBytes;
        /// Bytes accepted for streams and not yet taken by their sockets, in all.
        std::uint64_t max_buffered = kMaxBufferedBytes;
        /// 0 to 1 s, random for each link, so that links do not ping in step.
        Duration ping_jitter{};
        /// Of the process, may be null; outlives the link.
        MemoryBudget* budget = nullptr;
    };

    /// `pool` and `events` outlive the link.
    Link(Options options, ChunkPool& pool, MultiplexerEvents& events, TimePoint now);
    ~Link() override;

    [[nodiscard]] Status receive(ByteView plaintext, TimePoint now) override;
    [[nodiscard]] std::span<const ByteView> next_batch(TimePoint now) override;
    [[nodiscard]] bool has_output() const override;
    [[nodiscard]] Status on_time(TimePoint now) override;
    [[nodiscard]] TimePoint deadline() const override;
    [[nodiscard]] Result<StreamId> open(std::shared_ptr<StreamIo> io, const wire::Open& open,
                                        TimePoint now) override;
    void attach(StreamId stream, std::shared_ptr<StreamIo> io, TimePoint now) override;
    void reset(StreamId stream, wire::ResetReason reason, std::string_view text) override;
    void reset_registration(RegistrationId registration, wire::ResetReason reason) override;
    void readable(StreamId stream, TimePoint now) override;
    void writable(StreamId stream, TimePoint now) override;
    [[nodiscard]] Status send_message(wire::FrameKind kind, std::uint32_t id,
                                      ByteView payload) override;
    void abort_all(wire::ResetReason reason) override;
    [[nodiscard]] std::size_t stream_count() const override;
    [[nodiscard]] TimePoint last_heard() const override;
    [[nodiscard]] Duration round_trip() const override;
    void ping(TimePoint now) override;
};

}  // namespace diglett::mux
