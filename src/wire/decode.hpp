#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace diglett::wire {

/// Decodes one whole payload, without its frame header.
/// @return ProtocolViolation, whose text names the message and what is wrong with it, when a byte
/// is missing, one is too many, or a value is outside its bounds (wire/limits.hpp).
template <class Message>
[[nodiscard]] Result<Message> decode(ByteView payload);

}  // namespace diglett::wire
