#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "mux/flow_window.hpp"
#include "mux/intrusive_list.hpp"
#include "mux/limits.hpp"
#include "mux/spill.hpp"
#include "mux/stream_io.hpp"
#include "wire/message.hpp"

namespace diglett::mux {

/// What a link knows of one stream. Plain data; the rules are in Link. Kept small: thousands of
/// idle streams are normal.
struct Stream {
    Stream(StreamId stream_id, RegistrationId of, std::uint64_t initial_window, TimePoint now)
        : id(stream_id),
          registration(of),
          receive_limit(initial_window),
          window(initial_window, now) {}

    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    StreamId id;
    RegistrationId registration;
    std::shared_ptr<StreamIo> io;  ///< Null before attach().

    // Toward the peer.
    std::uint64_t sent = 0;        ///< Data bytes in the journal.
    std::uint64_t send_limit = 0;  ///< Data bytes the peer accepts in all.

    // From the peer.
    std::uint64_t received = 0;       ///< Data bytes taken.
    std::uint64_t receive_limit = 0;  ///< Data bytes the peer was told to be accepted.
    FlowWindow window;
    Spill spill;            ///< Taken and not yet written; empty while the socket keeps up.
    TimePoint moved_at{};   ///< When something was last written, or the spill began.
    TimePoint marked_at{};  ///< Since when its pace is measured.
    std::uint64_t moved_since_mark = 0;  ///< Bytes written since then.

    // What waits for room in the journal. (protocol 5.3)
    std::unique_ptr<wire::Open> pending_open;
    std::unique_ptr<wire::Reset> pending_reset;
    bool is_window_pending = false;
    bool is_end_pending = false;

    bool is_readable = false;       ///< A read may yield bytes.
    bool has_read_end = false;      ///< The outside's FIN came.
    bool has_sent_end = false;      ///< End is in the journal.
    bool has_received_end = false;  ///< The peer's End came.
    bool has_shut_down = false;     ///< The outside was given our FIN.
    bool is_write_blocked = false;  ///< want_write() is armed.
    std::uint64_t last_position =
        0;  ///< Journal position after our last frame of it: End or Reset.

    // Turns.
    std::uint32_t deficit = 0;      ///< Bytes it may still send in this turn.
    std::uint32_t run_bytes = 0;    ///< Bytes sent since it was last found idle (saturates).
    bool is_in_first_turn = false;  ///< In the list of those that go first.
    ListHook<Stream> ready_hook;
    ListHook<Stream> control_hook;

    /// Bytes that the outside has taken.
    [[nodiscard]] std::uint64_t consumed() const { return received - spill.size(); }

    /// Both Ends are in the journals: the peer may have forgotten the stream.
    [[nodiscard]] bool is_ended_for_peer() const { return has_sent_end && has_received_end; }

    [[nodiscard]] bool is_resetting() const { return pending_reset != nullptr; }

    [[nodiscard]] bool has_pending_control() const {
        return pending_open != nullptr || pending_reset != nullptr || is_window_pending ||
               is_end_pending;
    }

    /// A read is worth trying as far as the stream itself is concerned.
    [[nodiscard]] bool can_send() const {
        return io != nullptr && is_readable && !has_read_end && pending_open == nullptr &&
               pending_reset == nullptr && sent < send_limit;
    }
};

}  // namespace diglett::mux
