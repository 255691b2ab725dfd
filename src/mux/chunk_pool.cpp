#include "mux/chunk_pool.hpp"

#include <utility>

#include "base/assert.hpp"

namespace diglett::mux {

ChunkPool::ChunkPool(std::size_t max_free, MemoryBudget* budget)
    : max_free_(max_free), budget_(budget) {}

ChunkPool::~ChunkPool() {
    DIGLETT_ASSERT(in_use_ == 0);
}

Chunk ChunkPool::take() {
    ++in_use_;
    if (budget_ != nullptr) {
        budget_->take(kChunkBytes);
    }
    if (free_.empty()) {
        return std::make_unique_for_overwrite<std::byte[]>(kChunkBytes);
    }
    Chunk chunk = std::move(free_.back());
    free_.pop_back();
    return chunk;
}

void ChunkPool::give_back(Chunk chunk) {
    DIGLETT_ASSERT(chunk != nullptr && in_use_ > 0);
    --in_use_;
    if (budget_ != nullptr) {
        budget_->give_back(kChunkBytes);
    }
    if (free_.size() < max_free_) {
        free_.push_back(std::move(chunk));
    }
}

}  // namespace diglett::mux
