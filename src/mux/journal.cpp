#include "mux/journal.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "wire/frame_codec.hpp"

namespace diglett::mux {

using wire::kHeaderBytes;

namespace {

// Where the payload's size lies in a header. (protocol 3.1)
constexpr std::size_t kSizeOffset = 5;

}  // namespace

Journal::~Journal() {
    for (Block& block : blocks_) {
        pool_.give_back(std::move(block.memory));
    }
}

std::size_t Journal::tail_room() const {
    return blocks_.empty() ? 0 : kChunkBytes - blocks_.back().used;
}

void Journal::add_block() {
    blocks_.push_back(Block{pool_.take(), end_, 0});
}

void Journal::drop_empty_tail() {
    while (!blocks_.empty() && blocks_.back().used == 0) {
        pool_.give_back(std::move(blocks_.back().memory));
        blocks_.pop_back();
    }
}

void Journal::append(wire::FrameKind kind, std::uint32_t id, ByteView payload) {
    DIGLETT_ASSERT(payload.size() <= wire::kMaxMessageBytes && segment_count_ == 0);
    const std::size_t total = kHeaderBytes + payload.size();
    if (tail_room() < total) {
        add_block();
    }
    Block& block = blocks_.back();
    const MutableBytes to(block.memory.get() + block.used, total);
    wire::store_header({kind, id, static_cast<std::uint16_t>(payload.size())}, to);
    std::ranges::copy(payload, to.begin() + kHeaderBytes);
    block.used += total;
    end_ += total;
}

std::span<const MutableBytes> Journal::reserve(std::size_t max_payload, std::size_t max_total) {
    DIGLETT_ASSERT(segment_count_ == 0);
    std::size_t room = tail_room();
    while (segment_count_ < kMaxReadSegments && max_payload > 0 && max_total > kHeaderBytes) {
        const std::size_t wanted =
            std::min({wire::kMaxDataBytes, max_payload, max_total - kHeaderBytes});
        if (room < kHeaderBytes + std::min(wanted, kMinSegmentBytes)) {
            add_block();
            room = kChunkBytes;
        }
        const std::size_t size = std::min(wanted, room - kHeaderBytes);
        std::byte* const start = blocks_.back().memory.get() + (kChunkBytes - room);
        segment_blocks_[segment_count_] = blocks_.size() - 1;
        segments_[segment_count_++] = MutableBytes(start + kHeaderBytes, size);
        room -= kHeaderBytes + size;
        max_payload -= size;
        max_total -= kHeaderBytes + size;
    }
    return {segments_.data(), segment_count_};
}

std::size_t Journal::commit(StreamId stream, std::size_t bytes) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < segment_count_ && bytes > 0; ++i) {
        const std::size_t size = std::min(bytes, segments_[i].size());
        Block& block = blocks_[segment_blocks_[i]];
        if (block.used == 0) {
            block.begin = end_;
        }
        wire::store_header({wire::FrameKind::Data, stream.value, static_cast<std::uint16_t>(size)},
                           MutableBytes(segments_[i].data() - kHeaderBytes, kHeaderBytes));
        block.used += kHeaderBytes + size;
        end_ += kHeaderBytes + size;
        total += kHeaderBytes + size;
        bytes -= size;
    }
    DIGLETT_ASSERT(bytes == 0);
    segment_count_ = 0;
    drop_empty_tail();
    return total;
}

void Journal::take_unsent(std::size_t max_bytes, std::vector<ByteView>& parts) {
    auto block = blocks_.end();
    while (block != blocks_.begin() && std::prev(block)->end() > sent_) {
        --block;
    }
    for (std::size_t taken = 0; block != blocks_.end(); ++block) {
        const auto offset = static_cast<std::size_t>(sent_ - block->begin);
        const std::size_t size = block->used - offset;
        if (taken > 0 && taken + size > max_bytes) {
            return;
        }
        parts.emplace_back(block->memory.get() + offset, size);
        taken += size;
        sent_ += size;
    }
}

bool Journal::is_valid_ack(std::uint64_t position) const {
    if (position < acked_ || position > sent_) {
        return false;
    }
    std::uint64_t at = acked_;
    for (const Block& block : blocks_) {
        if (block.end() <= position) {
            at = block.end();
            continue;
        }
        while (at < position) {
            const std::byte* header = block.memory.get() + (at - block.begin);
            at += kHeaderBytes + load_be<std::uint16_t>(ByteView(header + kSizeOffset, 2));
        }
        break;
    }
    return at == position;
}

Status Journal::acknowledge(std::uint64_t received) {
    if (!is_valid_ack(received)) {
        return fail(Errc::ProtocolViolation,
                    fmt::format("acknowledged position {} is not a frame's end in [{}, {}]",
                                received, acked_, sent_));
    }
    acked_ = received;
    // The last block goes only when nothing is left: its tail takes the next frames.
    while (!blocks_.empty() && blocks_.front().end() <= acked_ &&
           (blocks_.size() > 1 || acked_ == end_)) {
        pool_.give_back(std::move(blocks_.front().memory));
        blocks_.pop_front();
    }
    return {};
}

}  // namespace diglett::mux
