#include "wire/frame_reader.hpp"

#include <algorithm>

namespace diglett::wire {

bool FrameReader::fill_tail(std::size_t goal, ByteView& input) {
    const auto missing = goal > tail_.size() ? goal - tail_.size() : 0;
    const auto taken = input.first(std::min(missing, input.size()));
    tail_.insert(tail_.end(), taken.begin(), taken.end());
    input = input.subspan(taken.size());
    return tail_.size() >= goal;
}

}  // namespace diglett::wire
