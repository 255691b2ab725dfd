#pragma once

#include <cstddef>

#include "base/clock.hpp"
#include "mux/intrusive_list.hpp"
#include "mux/stream.hpp"

namespace diglett::mux {

/// Whose turn it is to send: deficit round robin by bytes, with longer turns for streams that move
/// bulk. A stream that was idle, and sent less
/// than a quantum the last time it was not, goes first once, so that a shell passes bulk without
/// configuration. Keeps pointers to streams that can_send(); owns none. (protocol 5.5)
class Scheduler {
  public:
    /// `stream` may send; it keeps its place if it has one.
    void add(Stream& stream);

    /// Takes `stream` out, if it is in.
    void remove(Stream& stream);

    [[nodiscard]] bool empty() const { return first_.empty() && others_.empty(); }

    /// Whose turn it is; null when none is ready.
    [[nodiscard]] Stream* next() const;

    /// Bytes with headers that `stream`, the one of next(), may send now: at most `batch_room`, all
    /// of it when it is alone.
    [[nodiscard]] std::size_t allowance(Stream& stream, std::size_t batch_room) const;

    /// `stream` has sent `bytes`, headers included, in its turn. Its turn is over when it has used
    /// its quantum.
    void on_sent(Stream& stream, std::size_t bytes, TimePoint now);

    /// Bytes of a batch: kSharedBatchBytes while more than one stream is or was just active.
    [[nodiscard]] std::size_t batch_bytes(TimePoint now) const;

    void clear();

  private:
    using List = IntrusiveList<Stream, &Stream::ready_hook>;

    [[nodiscard]] bool is_alone() const {
        return first_.empty() ? !others_.has_several() : others_.empty() && !first_.has_several();
    }

    List first_;
    List others_;
    StreamId last_active_{};
    TimePoint other_active_at_{};  ///< When a stream other than last_active_ last sent.
    TimePoint last_active_at_{};
};

}  // namespace diglett::mux
