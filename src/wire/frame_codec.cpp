#include "wire/frame_codec.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace diglett::wire {

void store_header(const FrameHeader& header, MutableBytes to) {
    to[0] = static_cast<std::byte>(header.kind);
    store_be(header.id, to.subspan(1));
    store_be(header.size, to.subspan(5));
}

Result<FrameHeader> decode_header(ByteView from, const FrameLimits& limits) {
    const auto kind = std::to_integer<std::uint8_t>(from[0]);
    const auto size = load_be<std::uint16_t>(from.subspan(5));
    if (kind >= 32 || ((limits.kinds >> kind) & 1U) == 0) {
        return fail(Errc::ProtocolViolation, fmt::format("unknown frame kind {}", kind));
    }
    if (size > limits.max_payload_bytes) {
        return fail(Errc::ProtocolViolation, fmt::format("{} of {} bytes, at most {} are allowed",
                                                         to_string(static_cast<FrameKind>(kind)),
                                                         size, limits.max_payload_bytes));
    }
    return FrameHeader{static_cast<FrameKind>(kind), load_be<std::uint32_t>(from.subspan(1)), size};
}

void append_frame(FrameKind kind, std::uint32_t id, ByteView payload, ByteVector& out) {
    DIGLETT_ASSERT(payload.size() <= kMaxV1PayloadBytes);  // else the size field would wrap
    const auto start = out.size();
    out.resize(start + kHeaderBytes);
    store_header({kind, id, static_cast<std::uint16_t>(payload.size())},
                 MutableBytes(out).subspan(start));
    out.insert(out.end(), payload.begin(), payload.end());
}

}  // namespace diglett::wire
