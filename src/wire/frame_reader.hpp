#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "wire/frame_codec.hpp"

namespace diglett::wire {

/// Cuts plaintext that arrives in pieces of any size into frames. A frame that lies whole in one
/// piece is handed on where it lies; only one that is cut off is copied, and its buffer is given
/// back when the frame is complete, so that an idle reader owns no memory.
///
/// After an error of read() the conversation is over: feed nothing more.
class FrameReader {
  public:
    explicit FrameReader(const FrameLimits& limits) : limits_(limits) {}

    /// Calls `sink(const FrameHeader&, ByteView payload) -> Status` for each frame that `input`
    /// completes, in order. The payload is valid during the call only. `sink` must not call this
    /// reader nor destroy it.
    /// @return the first error of `sink`, or of decode_header as soon as a header is complete; the
    /// rest of `input` is dropped then.
    template <class Sink>
    [[nodiscard]] Status read(ByteView input, Sink&& sink);

    /// Whether no frame is cut off.
    [[nodiscard]] bool at_boundary() const { return tail_.empty(); }

    /// Bytes of the cut-off frame, header included; below kHeaderBytes + max_payload_bytes.
    [[nodiscard]] std::size_t buffered() const { return tail_.size(); }

    /// Forgets the cut-off frame: a half frame is discarded with its carrier. (protocol 3.4)
    void drop_partial() { tail_ = {}; }

  private:
    /// Moves bytes from the front of `input` to the tail until the tail is `goal` bytes long.
    /// @return whether it is.
    bool fill_tail(std::size_t goal, ByteView& input);

    /// Hands on the cut-off frame if `input` completes it, and takes what belongs to it from
    /// `input`.
    template <class Sink>
    [[nodiscard]] Status finish_tail(ByteView& input, Sink& sink);

    FrameLimits limits_;
    ByteVector tail_;
};

template <class Sink>
Status FrameReader::read(ByteView input, Sink&& sink) {
    if (!tail_.empty()) {
        if (auto finished = finish_tail(input, sink); !finished || !tail_.empty()) {
            return finished;
        }
    }
    while (input.size() >= kHeaderBytes) {
        const auto header = decode_header(input, limits_);
        if (!header) {
            return forward_error(header);
        }
        const std::size_t frame_bytes = kHeaderBytes + header->size;
        if (input.size() < frame_bytes) {
            break;
        }
        if (Status taken = sink(*header, input.subspan(kHeaderBytes, header->size)); !taken) {
            return taken;
        }
        input = input.subspan(frame_bytes);
    }
    // Grows with what arrived, not with what the header promises: a peer pays for the memory it
    // takes.
    tail_.assign(input.begin(), input.end());
    return {};
}

template <class Sink>
Status FrameReader::finish_tail(ByteView& input, Sink& sink) {
    if (!fill_tail(kHeaderBytes, input)) {
        return {};
    }
    const auto header = decode_header(tail_, limits_);
    if (!header) {
        return forward_error(header);
    }
    if (!fill_tail(kHeaderBytes + header->size, input)) {
        return {};
    }
    const ByteVector frame = std::exchange(tail_, {});
    return sink(*header, ByteView(frame).subspan(kHeaderBytes));
}

}  // namespace diglett::wire
