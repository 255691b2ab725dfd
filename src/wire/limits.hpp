#pragma once

#include <cstddef>
#include <cstdint>

/// Every bound of the wire layer, with unit and reason. (protocol 11)
namespace diglett::wire {

/// Bytes of kind, id and size before each payload. (protocol 3.1)
inline constexpr std::size_t kHeaderBytes = 7;

/// A frame with its header fills at most one TLS record: 2^14 bytes (RFC 8446 section 5.1).
inline constexpr std::size_t kMaxFrameBytes = 16'384;

/// Payload bytes of a Data frame. (protocol 3.3)
inline constexpr std::size_t kMaxDataBytes = kMaxFrameBytes - kHeaderBytes;

/// Payload bytes of any other frame of protocol 2: it fits one record as well. (protocol 3.3)
inline constexpr std::size_t kMaxMessageBytes = kMaxDataBytes;

/// Payload bytes of a frame of protocol 1: all that its size field can say. (protocol A.3)
inline constexpr std::size_t kMaxV1PayloadBytes = 65'535;

}  // namespace diglett::wire
