#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "crypto/strobe128.hpp"

namespace diglett::crypto {

/// A Merlin v1.0 transcript: what two parties said, from which both draw the same challenges. A
/// copy goes on from the same point; its memory is wiped when it goes.
/// @see https://merlin.cool/transcript/ops.html
class MerlinTranscript {
  public:
    /// Starts the protocol called `label`.
    explicit MerlinTranscript(std::string_view label);

    /// Adds a message. @pre both are shorter than 4 GiB.
    void append(std::string_view label, ByteView message);
    void append(std::string_view label, std::string_view message);

    /// Fills `out` with bytes that depend on all that was added and drawn so far.
    void challenge(std::string_view label, MutableBytes out);

    /// For the comparison with recorded states.
    [[nodiscard]] const Strobe128& strobe() const { return strobe_; }

  private:
    void announce(std::string_view label, std::size_t size);

    Strobe128 strobe_;
};

}  // namespace diglett::crypto
