#include "mux/spill.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "mux/limits.hpp"

namespace diglett::mux {

void Spill::append(ByteView bytes) {
    while (!bytes.empty()) {
        if (blocks_.empty() || blocks_.back().end == blocks_.back().capacity) {
            // Room grows with what is held, so that many small frames do not become many blocks.
            const std::size_t capacity =
                std::max(bytes.size(), std::min(size_ / 2, kMaxSpillBlockBytes));
            blocks_.push_back(
                Block{std::make_unique_for_overwrite<std::byte[]>(capacity), 0, 0, capacity});
        }
        Block& block = blocks_.back();
        const std::size_t count = std::min(bytes.size(), block.capacity - block.end);
        std::ranges::copy(bytes.first(count), block.memory.get() + block.end);
        block.end += count;
        size_ += count;
        bytes = bytes.subspan(count);
    }
}

std::size_t Spill::front(std::span<ByteView> segments) const {
    std::size_t count = 0;
    for (std::size_t i = first_; i < blocks_.size() && count < segments.size(); ++i) {
        const Block& block = blocks_[i];
        segments[count++] = ByteView(block.memory.get() + block.begin, block.end - block.begin);
    }
    return count;
}

void Spill::consume(std::size_t bytes) {
    DIGLETT_ASSERT(bytes <= size_);
    size_ -= bytes;
    if (size_ == 0) {
        clear();
        return;
    }
    while (bytes > 0) {
        Block& block = blocks_[first_];
        const std::size_t count = std::min(bytes, block.end - block.begin);
        block.begin += count;
        bytes -= count;
        if (block.begin == block.end) {
            block.memory.reset();
            ++first_;
        }
    }
    if (first_ > blocks_.size() / 2) {
        blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

void Spill::clear() {
    size_ = 0;
    first_ = 0;
    blocks_ = std::vector<Block>();
}

}  // namespace diglett::mux
