#pragma once

#include <cstdint>
#include <string_view>

#include "wire/limits.hpp"

namespace diglett::wire {

/// Kinds 0-7 are those of protocol 1 (Data is its Payload, End its Close); 8 and up exist in
/// protocol 2 only. Protocol 2 does not use Terminate. (protocol 3.2)
enum class FrameKind : std::uint8_t {
    Ok = 0,
    Error = 1,
    Register = 2,
    FinishRegister = 3,
    Data = 4,
    End = 5,
    Terminate = 6,
    Login = 7,
    Hello = 8,
    Welcome = 9,
    Unregister = 10,
    Open = 11,
    Window = 12,
    Reset = 13,
    Ack = 14,
    Ping = 15,
    Pong = 16,
    GoAway = 17,
    Join = 18,
    Resume = 19,
    Resumed = 20,
    Refused = 21,
};

/// kind u8, id u32, size u16, big-endian; the payload of `size` bytes follows. (protocol 3.1)
struct FrameHeader {
    FrameKind kind;
    std::uint32_t id;
    std::uint16_t size;

    friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

/// Whether frames of `kind` are part of the journal, so count in positions. (protocol 4.1)
[[nodiscard]] bool is_logged(FrameKind kind);

/// A word for logs and error texts, such as `FinishRegister`; "unknown kind" for any other number.
[[nodiscard]] std::string_view to_string(FrameKind kind);

}  // namespace diglett::wire
