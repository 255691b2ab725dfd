#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "mux/chunk_pool.hpp"
#include "mux/limits.hpp"
#include "wire/frame.hpp"

namespace diglett::mux {

/// The logged frames of one direction in plaintext: bytes [acked, end) are kept until the peer has
/// them, so that another carrier can go on where the last one broke. Positions are 64-bit counts of
/// logged bytes since the link began. (protocol 4.1)
///
/// Visitors' bytes are read straight into it: reserve(), one read, commit(). A frame never
/// straddles two chunks; a journal with nothing unacknowledged holds no chunk. It checks no limit:
/// the link asks before it appends.
class Journal {
  public:
    /// `pool` outlives the journal.
    explicit Journal(ChunkPool& pool) : pool_(pool) {}

    ~Journal();

    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// acked <= sent <= end, all on frame boundaries.
    [[nodiscard]] std::uint64_t acked() const { return acked_; }

    [[nodiscard]] std::uint64_t sent() const { return sent_; }

    [[nodiscard]] std::uint64_t end() const { return end_; }

    [[nodiscard]] std::uint64_t ring_bytes() const { return end_ - acked_; }

    [[nodiscard]] std::uint64_t unsent_bytes() const { return end_ - sent_; }

    /// Appends a whole frame. @pre `payload` has at most wire::kMaxMessageBytes; nothing reserved.
    void append(wire::FrameKind kind, std::uint32_t id, ByteView payload);

    /// Room for Data payload, each segment with headroom for its header: at most `max_payload`
    /// bytes of payload, `max_total` with headers, and kMaxReadSegments segments. Empty when
    /// `max_total` is too small for one byte. Valid until commit(), which must follow.
    [[nodiscard]] std::span<const MutableBytes> reserve(std::size_t max_payload,
                                                        std::size_t max_total);

    /// Makes Data frames of `stream` out of the first `bytes` bytes of what was reserved, filled in
    /// order; 0 gives it all back. @return bytes with headers.
    std::size_t commit(StreamId stream, std::size_t bytes);

    /// Appends views of unsent bytes to `parts` and counts them as sent: whole chunks' worth, so
    /// that a batch always ends at a frame boundary; more than `max_bytes` only when one chunk
    /// alone is. The views are valid until acknowledge() passes them.
    void take_unsent(std::size_t max_bytes, std::vector<ByteView>& parts);

    /// Whether `position` lies in [acked, sent] on a frame boundary. O(frames up to it).
    [[nodiscard]] bool is_valid_ack(std::uint64_t position) const;

    /// Frees what the peer has. @return ProtocolViolation when `received` is no valid position.
    [[nodiscard]] Status acknowledge(std::uint64_t received);

    /// A new carrier: everything unacknowledged counts as unsent again.
    void rewind() { sent_ = acked_; }

    [[nodiscard]] std::size_t chunks() const { return blocks_.size(); }

  private:
    struct Block {
        Chunk memory;
        std::uint64_t begin = 0;
        std::size_t used = 0;

        [[nodiscard]] std::uint64_t end() const { return begin + used; }
    };

    /// Bytes free behind the last frame of the last block.
    [[nodiscard]] std::size_t tail_room() const;
    void add_block();
    void drop_empty_tail();

    ChunkPool& pool_;
    std::deque<Block> blocks_;
    std::uint64_t acked_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t end_ = 0;

    std::size_t segment_count_ = 0;
    std::array<std::size_t, kMaxReadSegments> segment_blocks_{};
    std::array<MutableBytes, kMaxReadSegments> segments_{};
};

}  // namespace diglett::mux
