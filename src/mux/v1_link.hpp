#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/budget.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "mux/multiplexer.hpp"
#include "mux/noise_guard.hpp"
#include "mux/role.hpp"
#include "mux/stream_io.hpp"
#include "mux/v1_conversation.hpp"
#include "mux/v1_ids.hpp"
#include "mux/v1_limits.hpp"
#include "mux/v1_stream.hpp"
#include "wire/frame.hpp"
#include "wire/frame_codec.hpp"
#include "wire/frame_reader.hpp"

namespace diglett::mux {

/// Protocol 1 over the plaintext of one connection, in either role. (protocol A)
///
/// **Conversation.** Login, Register, FinishRegister, Ok, Error and Terminate go to
/// MultiplexerEvents::on_message, each only where V1Conversation allows it. A frame out of order
/// ends the session; the gateway has then queued the Error that the original sends, so send what
/// next_batch() still has before closing. A gateway answers with send_message(Ok) or
/// send_message(Error); all three frames of an agent may have come before the first answer. A
/// Terminate makes receive() return EndOfStream after on_message. The end of the carrier is the
/// owner's to notice: it never counts as FinishRegister, it is abort_all().
///
/// **Ends.** Protocol 1 has one word for all of them, a Close that ends both directions. So:
/// - The peer's Close, in order: everything before it is written out, then FIN (shutdown_write),
/// then what the outside
///   still sends is thrown away until its FIN, at most kV1Linger, then finish(). But a Close that
///   comes to a gateway before any byte of the backend, while the visitor is still sending, is what
///   a refused backend looks like: abort().
/// - A visitor's FIN is held back until the agent's Close, or until nothing has come for
/// kV1BackendSilence; then Close
///   and, since that is not a FIN of the backend, abort().
/// - A backend's FIN: Close. It ends the upload too, so the backend is aborted: it must not take a
/// part for the whole.
/// - A reset outside, reset(), a lost carrier (abort_all()): abort(), and Close to a peer that is
/// still there. The peer
///   cannot tell it from a FIN; that is protocol 1's limit.
/// on_stream_ended() comes from inside receive() and on_time() only, for each stream once, and not
/// for abort_all(). A gateway answers each Close with Close, which ends backend connections that
/// the original agent dialled by mistake.
///
/// **Slow outside ends.** What they do not take is kept, up to kV1StreamSpillBytes and
/// kV1SessionSpillBytes. Then wants_input() is false, which is all the backpressure there is, for
/// at most kV1Patience while others may be waiting; then the full streams are ended (SlowReader). A
/// gateway whose only stream is the full one waits as long as it takes.
///
/// **Liveness.** Protocol 1 has no ping: ping() does nothing, round_trip() is zero, silence is no
/// sign of death and on_time() never calls a silent peer dead. A dead peer is found by TCP alone
/// (tunnel: kCarrierKeepalive, kCarrierSilence). A gateway that must know whether the holder of a
/// name still lives gets no answer from one of protocol 1, so that an agent that signs on again has
/// its name at once; last_heard() still counts as a sign of life if bytes happen to come.
class V1Link final : public Multiplexer {
  public:
    struct Options {
        Role role = Role::Gateway;
        /// The registration's number; taken from the low 16 bits of Register's id as soon as that
        /// frame passes.
        std::uint16_t registration = 0;
        std::size_t max_streams = kV1MaxStreams;
        std::size_t stream_spill_bytes = kV1StreamSpillBytes;    ///< More than kV1ResumeBytes.
        std::size_t session_spill_bytes = kV1SessionSpillBytes;  ///< At least stream_spill_bytes.
        MemoryBudget* budget = nullptr;  ///< Of the process; outlives the link.
    };

    /// `events` outlives this.
    V1Link(const Options& options, MultiplexerEvents& events, TimePoint now);
    ~V1Link() override;

    V1Link(const V1Link&) = delete;
    V1Link& operator=(const V1Link&) = delete;

    /// @return ProtocolViolation, TooMuchNoise, EndOfStream after Terminate, or the error of
    /// on_message.
    [[nodiscard]] Status receive(ByteView plaintext, TimePoint now) override;
    [[nodiscard]] std::span<const ByteView> next_batch(TimePoint now) override;
    [[nodiscard]] bool has_output() const override;

    [[nodiscard]] bool wants_input() const override { return !is_paused(); }

    [[nodiscard]] Status on_time(TimePoint now) override;
    [[nodiscard]] TimePoint deadline() const override;

    /// @return LimitReached: not registered yet, too many streams, ids used up, or the agent reads
    /// nothing. `io` is then left as it was.
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

    [[nodiscard]] std::size_t stream_count() const override { return streams_.size(); }

    [[nodiscard]] TimePoint last_heard() const override { return last_heard_; }

    [[nodiscard]] Duration round_trip() const override { return Duration::zero(); }

    [[nodiscard]] bool is_used_up() const override { return ids_.is_used_up(); }

    void ping(TimePoint /*now*/) override {}

    /// Bytes kept for outside ends that do not take them. For tests and metrics.
    [[nodiscard]] std::size_t spilled_bytes() const { return spilled_; }

  private:
    using Stream = V1Stream;

    [[nodiscard]] bool is_gateway() const { return options_.role == Role::Gateway; }

    [[nodiscard]] Stream* find(StreamId id);
    [[nodiscard]] Stream* find_wire(std::uint32_t wire_id);

    // What the peer sends.
    [[nodiscard]] Status on_frame(const wire::FrameHeader& frame, ByteView payload);
    [[nodiscard]] Status on_conversation(const wire::FrameHeader& frame, ByteView payload);
    [[nodiscard]] Status on_payload(std::uint32_t wire_id, ByteView payload);
    [[nodiscard]] Status on_close(std::uint32_t wire_id);
    [[nodiscard]] Stream* open_from_peer(std::uint32_t wire_id);
    void deliver(Stream& stream, ByteView payload);
    void close_in_order(Stream& stream);

    // What the outside ends do. Each may end the stream; those that return a bool say whether it is
    // still there.
    std::size_t read_frame(Stream& stream, MutableBytes into);
    bool flush(Stream& stream);
    void on_outside_fin(Stream& stream);
    void discard_input(Stream& stream);
    void on_due(Stream& stream);
    void end_full_streams();

    // Ways out.
    void leave(Stream& stream, wire::ResetReason reason);
    void abort(Stream& stream, wire::ResetReason reason);
    void finish(Stream& stream);
    void erase(Stream& stream);

    // Bookkeeping.
    Stream& add_stream(StreamId id, std::uint32_t wire_id);
    void queue_control(wire::FrameKind kind, std::uint32_t wire_id, ByteView payload);
    void queue_read(Stream& stream);
    void want_read(Stream& stream);
    void want_write(Stream& stream);
    void set_due(Stream& stream, TimePoint due);
    void account(Stream& stream, std::size_t spilled_before);

    [[nodiscard]] bool is_paused() const { return full_streams_ > 0 || session_full_; }

    void update_patience();
    void tell_ended();

    Options options_;
    MultiplexerEvents& events_;
    wire::FrameReader reader_{wire::kProtocol1Frames};
    V1Conversation conversation_;
    V1IdSequence ids_;      ///< Gateway.
    V1Drains drains_;       ///< Gateway.
    V1IgnoredIds ignored_;  ///< Agent.
    std::uint32_t last_id_ =
        0;  ///< Agent: our own number for a stream, as the gateway may use its id again.

    std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
    std::unordered_map<std::uint32_t, StreamId>
        wire_ids_;                ///< Of streams that neither end has closed.
    std::deque<StreamId> ready_;  ///< May be read, in turn; may name streams that are gone.
    std::set<std::pair<TimePoint, StreamId>> timers_;

    ByteVector control_;
    ByteVector control_sent_;  ///< Of the batch that was handed out last.
    std::unique_ptr<std::byte[]> data_;
    std::array<ByteView, 2> parts_;

    std::size_t spilled_ = 0;
    std::size_t full_streams_ = 0;
    bool session_full_ = false;
    TimePoint patience_ends_ = kNever;

    std::vector<StreamId> ended_;  ///< To be told at the next receive() or on_time().
    TimePoint notice_due_ = kNever;
    NoiseGuard noise_;
    TimePoint now_;
    TimePoint last_heard_;
};

}  // namespace diglett::mux
