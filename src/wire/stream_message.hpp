#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "wire/decode.hpp"
#include "wire/reset_reason.hpp"

/// Messages whose id is a stream, in binary. `encode` appends the payload alone to `out`.
namespace diglett::wire {

/// An address in an Open: IPv4, IPv6 or none (a unix socket, or unknown).
struct Address {
    enum class Family : std::uint8_t { None = 0, IPv4 = 4, IPv6 = 6 };
    Family family = Family::None;
    std::uint16_t port = 0;
    std::array<std::byte, 16> bytes{};  ///< The first 4 or 16 count.
    friend bool operator==(const Address&, const Address&) = default;
};

/// The gateway opens a stream. (protocol 6.1)
struct Open {
    RegistrationId registration;
    std::uint8_t flags = 0;
    std::uint64_t initial_limit =
        0;  ///< Bytes the gateway accepts on this stream before any Window.
    Address visitor;
    Address gateway;
    friend bool operator==(const Open&, const Open&) = default;
};

/// Bytes the sender of this accepts on the stream in all. (protocol 5.2)
struct Window {
    std::uint64_t limit = 0;
    friend bool operator==(const Window&, const Window&) = default;
};

struct Reset {
    ResetReason reason = ResetReason::Aborted;
    std::string text;  ///< At most 200 bytes, for logs; escape before use.
    friend bool operator==(const Reset&, const Reset&) = default;
};

void encode(const Open& message, ByteVector& out);
void encode(const Window& message, ByteVector& out);
void encode(const Reset& message, ByteVector& out);

template <>
Result<Open> decode<Open>(ByteView payload);

template <>
Result<Window> decode<Window>(ByteView payload);

template <>
Result<Reset> decode<Reset>(ByteView payload);

}  // namespace diglett::wire
