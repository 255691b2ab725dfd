#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "net/async.hpp"

namespace diglett::mux {
class ChunkPool;
}

namespace diglett::tunnel {

/// What all tunnels of one worker share: the pool of journal chunks and the scratch buffers.
/// Nothing here belongs to an idle session. Used on that worker's thread only; outlives every
/// tunnel made with it.
class WorkerResources {
  public:
    explicit WorkerResources(net::Executor executor);
    ~WorkerResources();

    WorkerResources(const WorkerResources&) = delete;
    WorkerResources& operator=(const WorkerResources&) = delete;

    [[nodiscard]] net::Executor executor() const { return executor_; }

    [[nodiscard]] mux::ChunkPool& chunks() { return *chunks_; }

    /// Scratch for what one recv brings and for what it opens to; contents last until the next call
    /// into any tunnel.
    [[nodiscard]] MutableBytes ciphertext() { return ciphertext_; }

    [[nodiscard]] MutableBytes plaintext() { return plaintext_; }

    /// An empty buffer with room for a sealed batch; give it back when it is sent, however large it
    /// has grown.
    [[nodiscard]] ByteVector take_output();
    void give_output(ByteVector buffer);

  private:
    net::Executor executor_;
    std::unique_ptr<mux::ChunkPool> chunks_;
    ByteVector ciphertext_;
    ByteVector plaintext_;
    std::vector<ByteVector> outputs_;
};

}  // namespace diglett::tunnel
