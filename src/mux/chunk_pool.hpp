#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/budget.hpp"
#include "mux/limits.hpp"

namespace diglett::mux {

/// kChunkBytes of uninitialised memory.
using Chunk = std::unique_ptr<std::byte[]>;

/// Last-in-first-out pool of chunks, one per worker and used on its thread only: the chunk given
/// back last is the one still in the cache. Outlives every journal made with it.
class ChunkPool {
  public:
    /// At most `max_free` chunks are kept for reuse; the others go back to the heap. Chunks outside
    /// the pool count against `budget` (may be null).
    explicit ChunkPool(std::size_t max_free = kMaxFreeChunks, MemoryBudget* budget = nullptr);
    ~ChunkPool();

    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;

    /// Never null.
    [[nodiscard]] Chunk take();

    /// `chunk` came from take() of this pool.
    void give_back(Chunk chunk);

    [[nodiscard]] std::size_t free_chunks() const { return free_.size(); }

    /// Chunks taken and not given back.
    [[nodiscard]] std::size_t chunks_in_use() const { return in_use_; }

  private:
    const std::size_t max_free_;
    MemoryBudget* const budget_;
    std::vector<Chunk> free_;
    std::size_t in_use_ = 0;
};

}  // namespace diglett::mux
