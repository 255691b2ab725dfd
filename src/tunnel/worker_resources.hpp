#pragma once

#include <cstddef>
#include <vector>

#include "base/budget.hpp"
#include "base/bytes.hpp"
#include "mux/chunk_pool.hpp"
#include "net/async.hpp"
#include "tunnel/late_closer.hpp"

namespace diglett::tunnel {

/// What all tunnels of one worker share: the pool of journal chunks and the scratch buffers.
/// Nothing here belongs to an idle session. Used on that worker's thread only; outlives every
/// tunnel made with it.
class WorkerResources {
  public:
    /// @param budget of the process, for the chunks; may be null, else outlives this.
    explicit WorkerResources(net::Executor executor, MemoryBudget* budget = nullptr);

    WorkerResources(const WorkerResources&) = delete;
    WorkerResources& operator=(const WorkerResources&) = delete;

    [[nodiscard]] net::Executor executor() const { return executor_; }

    [[nodiscard]] mux::ChunkPool& chunks() { return chunks_; }

    /// For sockets of streams that have ended.
    [[nodiscard]] LateCloser& closer() { return closer_; }

    /// Scratch for what one receive brings and for what it opens to; the contents last until the
    /// worker's event loop goes on.
    [[nodiscard]] MutableBytes ciphertext() { return ciphertext_; }

    [[nodiscard]] MutableBytes plaintext() { return plaintext_; }

    /// An empty buffer, most often with room for a sealed batch already.
    [[nodiscard]] ByteVector take_output();
    /// The other way; the contents are dropped.
    void give_output(ByteVector buffer);

  private:
    net::Executor executor_;
    mux::ChunkPool chunks_;
    LateCloser closer_;
    ByteVector ciphertext_;
    ByteVector plaintext_;
    std::vector<ByteVector> outputs_;
};

}  // namespace diglett::tunnel
