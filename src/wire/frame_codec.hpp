#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "wire/frame.hpp"

namespace diglett::wire {

/// What the header of a frame may say.
struct FrameLimits {
    std::uint32_t kinds;            ///< Bit n: kind n exists.
    std::size_t max_payload_bytes;  ///< 0 to 65,535.
};

/// Kinds 0 to 21 but 6 (Terminate). (protocol 3.2, 3.3)
inline constexpr FrameLimits kProtocol2Frames{0x3f'ffbf, kMaxMessageBytes};

/// Kinds 0 to 7. (protocol A.3)
inline constexpr FrameLimits kProtocol1Frames{0xff, kMaxV1PayloadBytes};

/// Writes the header into the first kHeaderBytes of `to`. (protocol 3.1)
void store_header(const FrameHeader& header, MutableBytes to);

/// Reads the header in the first kHeaderBytes of `from`.
/// @pre `from.size() >= kHeaderBytes`.
/// @return ProtocolViolation when `limits` know no such kind or the payload would be too long, so
/// that nobody waits for the payload of a frame that cannot be accepted.
[[nodiscard]] Result<FrameHeader> decode_header(ByteView from, const FrameLimits& limits);

/// Appends a whole frame. @pre `payload` has at most 65,535 bytes (kMaxMessageBytes in protocol 2).
void append_frame(FrameKind kind, std::uint32_t id, ByteView payload, ByteVector& out);

}  // namespace diglett::wire
