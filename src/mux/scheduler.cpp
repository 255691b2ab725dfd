#include "mux/scheduler.hpp"

#include <algorithm>
#include <limits>

#include "mux/limits.hpp"

namespace diglett::mux {

namespace {

std::uint32_t quantum_of(const Stream& stream) {
    return stream.run_bytes < kBulkQuantumBytes ? kQuantumBytes : kBulkQuantumBytes;
}

}  // namespace

void Scheduler::add(Stream& stream) {
    if (stream.ready_hook.is_linked) {
        return;
    }
    stream.is_in_first_turn = stream.run_bytes < kQuantumBytes;
    stream.deficit = quantum_of(stream);
    stream.run_bytes = 0;
    (stream.is_in_first_turn ? first_ : others_).push_back(stream);
}

void Scheduler::remove(Stream& stream) {
    if (stream.ready_hook.is_linked) {
        (stream.is_in_first_turn ? first_ : others_).erase(stream);
    }
}

Stream* Scheduler::next() const {
    return first_.empty() ? others_.front() : first_.front();
}

std::size_t Scheduler::allowance(Stream& stream, std::size_t batch_room) const {
    return is_alone() ? batch_room : std::min<std::size_t>(stream.deficit, batch_room);
}

void Scheduler::on_sent(Stream& stream, std::size_t bytes, TimePoint now) {
    constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
    stream.run_bytes = static_cast<std::uint32_t>(std::min(stream.run_bytes + bytes, kMost));
    if (bytes > 0 && stream.id != last_active_) {
        other_active_at_ = last_active_at_;
        last_active_ = stream.id;
    }
    last_active_at_ = bytes > 0 ? now : last_active_at_;
    stream.deficit -= static_cast<std::uint32_t>(std::min<std::size_t>(bytes, stream.deficit));
    if (bytes == 0 || (stream.deficit >= kMinTurnBytes && !stream.is_in_first_turn)) {
        return;
    }
    remove(stream);
    stream.is_in_first_turn = false;
    stream.deficit = quantum_of(stream);
    others_.push_back(stream);
}

std::size_t Scheduler::batch_bytes(TimePoint now) const {
    const bool is_shared = !is_alone() || now - other_active_at_ < kStillActive;
    return is_shared ? kSharedBatchBytes : kMaxBatchBytes;
}

void Scheduler::clear() {
    first_.abandon();
    others_.abandon();
}

}  // namespace diglett::mux
