#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "mux/stream.hpp"

namespace diglett::mux {

/// The streams of a link by id. Ids only grow, so that it is a sorted vector: lookup is a binary
/// search that no choice of ids can make slow, and the order is the same in every run.
///
/// An ended stream *lingers* until the peer has acknowledged our last frame of it: until then late
/// frames of the peer have a cause. (protocol 8.4)
class StreamTable {
  public:
    /// `stream` is null and `lingers` false: not there.
    struct Found {
        Stream* stream = nullptr;
        bool lingers = false;
    };

    [[nodiscard]] Found find(StreamId id) const;

    /// @pre `stream->id` is greater than every id added before.
    Stream& add(std::unique_ptr<Stream> stream);

    /// Destroys the stream; its id lingers until release(`position`) if `position` is beyond
    /// `acked`.
    void remove(StreamId id, std::uint64_t position, std::uint64_t acked);

    /// The peer has acknowledged the journal up to `acked`.
    void release(std::uint64_t acked);

    /// Streams, those whose Reset waits included.
    [[nodiscard]] std::size_t size() const { return stream_count_; }

    /// Streams and lingering ids.
    [[nodiscard]] std::size_t remembered() const { return stream_count_ + lingering_.size(); }

    /// Calls `visit(Stream&)` in order of ids; it may remove the visited stream, but add none.
    template <class Visit>
    void for_each(Visit&& visit);

    void clear();

  private:
    struct Entry {
        StreamId id;
        bool lingers = false;
        std::unique_ptr<Stream> stream;
    };

    struct Lingering {
        StreamId id;
        std::uint64_t position;
    };

    [[nodiscard]] std::vector<Entry>::const_iterator locate(StreamId id) const;
    [[nodiscard]] Entry& entry(StreamId id);
    void compact();

    std::vector<Entry> entries_;
    std::deque<Lingering> lingering_;  ///< In order of positions.
    std::size_t stream_count_ = 0;
    bool is_visiting_ = false;
};

template <class Visit>
void StreamTable::for_each(Visit&& visit) {
    is_visiting_ = true;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].stream != nullptr) {
            visit(*entries_[i].stream);
        }
    }
    is_visiting_ = false;
    compact();
}

}  // namespace diglett::mux
