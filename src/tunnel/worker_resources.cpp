#include "tunnel/worker_resources.hpp"

#include <utility>

#include "tunnel/limits.hpp"

namespace diglett::tunnel {

WorkerResources::WorkerResources(net::Executor executor, MemoryBudget* budget)
    : executor_(executor),
      chunks_(mux::kMaxFreeChunks, budget),
      closer_(executor),
      ciphertext_(kReceiveBytes),
      plaintext_(kReceiveBytes) {}

ByteVector WorkerResources::take_output() {
    if (outputs_.empty()) {
        return {};
    }
    auto buffer = std::move(outputs_.back());
    outputs_.pop_back();
    return buffer;
}

void WorkerResources::give_output(ByteVector buffer) {
    if (outputs_.size() >= kMaxFreeOutputs || buffer.capacity() == 0 ||
        buffer.capacity() > kMaxFreeOutputBytes) {
        return;
    }
    buffer.clear();
    outputs_.push_back(std::move(buffer));
}

}  // namespace diglett::tunnel
