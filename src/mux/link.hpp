#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/budget.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "mux/chunk_pool.hpp"
#include "mux/intrusive_list.hpp"
#include "mux/journal.hpp"
#include "mux/keepalive.hpp"
#include "mux/limits.hpp"
#include "mux/link_credit.hpp"
#include "mux/multiplexer.hpp"
#include "mux/noise_guard.hpp"
#include "mux/opening.hpp"
#include "mux/role.hpp"
#include "mux/round_trip.hpp"
#include "mux/scheduler.hpp"
#include "mux/stream.hpp"
#include "mux/stream_table.hpp"
#include "wire/frame_reader.hpp"
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
        /// Where open() says that the link is used up; lower than the protocol's in tests.
        std::uint32_t max_stream_id = kMaxStreamId;
        std::uint64_t max_link_bytes = kMaxLinkBytes;
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
    [[nodiscard]] std::span<const ByteView> farewell(const Error& why) override;
    void abort_all(wire::ResetReason reason) override;
    [[nodiscard]] std::size_t stream_count() const override;
    [[nodiscard]] TimePoint last_heard() const override;
    [[nodiscard]] Duration round_trip() const override;
    [[nodiscard]] bool is_used_up() const override;
    void ping(TimePoint now) override;

    // Carriers (link_carrier.cpp). (protocol 7)

    /// Where the own receiving end stands; belongs into Resume or Resumed, and counts as an Ack.
    struct ResumePoint {
        std::uint64_t received = 0;
        std::uint64_t limit = 0;
    };

    [[nodiscard]] ResumePoint resume_point();

    /// The carrier is gone: what it still holds is not parsed, a half frame is dropped, and nothing
    /// is appended until attach_carrier(). Streams stay and go on draining.
    void detach(TimePoint now);

    /// Goes on over a new carrier, from what the peer says it has. A carrier still attached is
    /// detached first. @return Stale unless `epoch` is higher than every one before, Position when
    /// `peer_received` is no frame's end that the peer can have; the link is unchanged then.
    [[nodiscard]] std::expected<void, wire::RefusalCode> attach_carrier(std::uint32_t epoch,
                                                                        std::uint64_t peer_received,
                                                                        std::uint64_t peer_limit,
                                                                        TimePoint now);

    [[nodiscard]] bool is_attached() const { return is_attached_; }

    [[nodiscard]] std::uint32_t epoch() const { return epoch_; }

    /// For tests and for what operators see.
    struct Figures {
        std::uint64_t acked = 0;     ///< Own journal: the peer has this.
        std::uint64_t end = 0;       ///< Own journal: written up to here.
        std::uint64_t received = 0;  ///< The peer's journal: parsed up to here.
        std::uint64_t promised = 0;  ///< The peer's journal: accepted up to here.
        std::uint64_t buffered = 0;  ///< Bytes in spills.
        std::size_t chunks = 0;      ///< Of the pool, held by the own journal.
        std::size_t remembered = 0;  ///< Streams and ids that linger.
    };

    [[nodiscard]] Figures figures() const;

  private:
    struct Message {
        wire::FrameKind kind;
        std::uint32_t id;
        ByteVector payload;
    };

    /// What one write of a stream's outside end came to.
    struct Written {
        std::size_t bytes = 0;
        IoResult::State state = IoResult::State::Ready;
    };

    // link_receive.cpp
    [[nodiscard]] Status on_frame(const wire::FrameHeader& header, ByteView payload);
    [[nodiscard]] Status on_data(StreamId id, ByteView payload);
    [[nodiscard]] Status on_open(StreamId id, ByteView payload);
    [[nodiscard]] Status on_window(StreamId id, ByteView payload);
    [[nodiscard]] Status on_end(StreamId id, ByteView payload);
    [[nodiscard]] Status on_reset(StreamId id, ByteView payload);
    [[nodiscard]] Status on_ack(ByteView payload);
    [[nodiscard]] Status on_ping(ByteView payload);
    [[nodiscard]] Status on_pong(ByteView payload);
    [[nodiscard]] Status on_hello(ByteView payload);
    [[nodiscard]] Status on_absent(StreamId id, bool lingers, NoiseGuard::Kind noise);
    [[nodiscard]] Status take_logged(wire::FrameKind kind, std::size_t payload_bytes);
    [[nodiscard]] bool lies_in_input(ByteView payload) const;
    void flush_run();
    void after_input(std::uint64_t logged_bytes);

    // link_write.cpp
    [[nodiscard]] static Written write(StreamIo& io, std::span<ByteView>& segments);
    void take_run(Stream& stream, std::span<ByteView> segments);
    void spill(Stream& stream, std::span<const ByteView> segments);
    void drain(Stream& stream);
    void on_moved(Stream& stream, std::size_t bytes);
    void renew_window(Stream& stream);
    void block_writing(Stream& stream);
    void finish_writing(Stream& stream);
    void enforce_hog_rule();
    void try_again(Stream& stream);
    [[nodiscard]] bool measure_is_slow(Stream& stream) const;
    void note_moved(Stream& stream, std::size_t bytes) const;
    void fade(Stream& stream) const;
    [[nodiscard]] bool must_slow_ones_go() const;
    void reset_hogs(std::vector<Stream*>& hogs, LinkCredit::Shortage shortage);

    // link_send.cpp
    void raise_peer_limit(std::uint64_t limit);
    [[nodiscard]] std::uint64_t data_room() const;
    [[nodiscard]] std::uint64_t control_room() const;
    [[nodiscard]] std::span<const ByteView> only_front();
    void append_messages();
    void append_control(std::uint64_t up_to);
    void append_control_of(Stream& stream);
    void fill(std::size_t room);
    void pump(Stream& stream, std::size_t room);
    void read_end(Stream& stream);
    void append_end(Stream& stream);
    [[nodiscard]] bool is_ack_worthwhile() const;
    void write_front(bool has_batch);
    void write_ack();
    void schedule_ack();

    // link_streams.cpp
    [[nodiscard]] Stream* find_live(StreamId id);
    void queue_control(Stream& stream);
    void kill(Stream& stream, wire::ResetReason reason, std::string_view text);
    void maybe_finish(Stream& stream);
    void drop_spill(Stream& stream);
    void forget(Stream& stream, bool may_linger);
    void note_ended(StreamId id);
    void note_both_ended(const Stream& stream);
    void deliver_ended();
    void make_ready(Stream& stream);

    const Options options_;
    MultiplexerEvents& events_;

    // Conversation.
    Opening opening_;
    wire::FrameReader reader_{wire::kProtocol2Frames};
    bool has_sent_hello_ = false;
    std::deque<Message> messages_;  ///< Logged ones that wait for the journal.
    std::size_t message_bytes_ = 0;
    ByteVector unlogged_;  ///< Whole frames that wait for a batch.

    // Both directions.
    bool is_attached_ = true;
    std::uint32_t epoch_ = 0;  ///< Of the carrier attached last; that of the login has 0.
    TimePoint now_;
    Keepalive keepalive_;
    RoundTrip round_trip_;
    NoiseGuard noise_;
    StreamTable streams_;
    StreamId highest_{};           ///< Opened last.
    std::size_t resetting_ = 0;    ///< Streams whose Reset waits.
    std::size_t both_ended_ = 0;   ///< Streams the peer may have forgotten, that still drain.
    std::vector<StreamId> ended_;  ///< Not yet told to the owner.
    TimePoint ended_since_{};

    // Sending.
    Journal journal_;
    Scheduler scheduler_;
    IntrusiveList<Stream, &Stream::control_hook> control_;
    std::uint64_t peer_limit_ = 0;
    std::uint64_t peer_stream_limit_ = 0;
    TimePoint unacked_since_ = kNever;
    bool is_ping_wanted_ = false;
    std::deque<std::uint64_t> pongs_;
    ByteVector front_;    ///< Unlogged frames of the batch handed out.
    ByteVector payload_;  ///< Scratch for encoding.
    std::vector<ByteView> parts_;

    // Receiving.
    LinkCredit credit_;
    std::uint64_t acknowledged_ = 0;  ///< `received` of our last Ack.
    bool is_ack_due_ = false;
    TimePoint ack_at_ = kNever;
    TimePoint hog_check_at_ = kNever;
    TimePoint short_since_ = kNever;
    std::uint64_t replay_until_ = 0;  ///< Late frames up to this position may be a replay.
    ByteView input_;
    Stream* run_stream_ = nullptr;  ///< Whose Data frames are gathered.
    std::size_t run_count_ = 0;
    std::array<ByteView, kMaxWriteSegments> run_{};
};

}  // namespace diglett::mux
