#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace diglett::mux {

/// Bytes accepted for a stream that its socket does not take yet, in order. Sized to what is there;
/// an empty one owns nothing, and its memory goes as it drains.
class Spill {
  public:
    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] bool empty() const { return size_ == 0; }

    void append(ByteView bytes);

    /// Fills `segments` with views of the first bytes. @return how many; valid until the next call
    /// of append() or consume().
    [[nodiscard]] std::size_t front(std::span<ByteView> segments) const;

    /// Drops the first `bytes` bytes. @pre `bytes <= size()`.
    void consume(std::size_t bytes);

    void clear();

  private:
    struct Block {
        std::unique_ptr<std::byte[]> memory;
        std::size_t begin = 0;
        std::size_t end = 0;
        std::size_t capacity = 0;
    };

    std::size_t size_ = 0;
    std::size_t first_ = 0;  ///< Index of the first block that is not drained.
    std::vector<Block> blocks_;
};

}  // namespace diglett::mux
