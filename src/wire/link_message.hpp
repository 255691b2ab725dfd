#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "wire/decode.hpp"

/// Messages of a link and its carriers, in binary. `encode` appends the payload alone to `out`.
namespace diglett::wire {

/// The receiver has parsed the journal up to `received` and accepts it up to `limit`.
/// (protocol 4.3)
struct Ack {
    std::uint64_t received = 0;
    std::uint64_t limit = 0;
    friend bool operator==(const Ack&, const Ack&) = default;
};

/// Ping and Pong; a Pong repeats the Ping's number. (protocol 8.1)
struct Ping {
    std::uint64_t token = 0;
    friend bool operator==(const Ping&, const Ping&) = default;
};

using Proof = std::array<std::byte, 32>;

/// Join and Resume. (protocol 7)
struct Resume {
    SessionId session{};
    std::uint32_t epoch = 0;
    std::uint64_t received = 0;
    std::uint64_t limit = 0;
    Proof proof{};
    friend bool operator==(const Resume&, const Resume&) = default;
};

struct Resumed {
    std::uint32_t epoch = 0;
    std::uint64_t received = 0;
    std::uint64_t limit = 0;
    Proof proof{};
    friend bool operator==(const Resumed&, const Resumed&) = default;
};

void encode(const Ack& message, ByteVector& out);
void encode(const Ping& message, ByteVector& out);
void encode(const Resume& message, ByteVector& out);
void encode(const Resumed& message, ByteVector& out);

template <>
Result<Ack> decode<Ack>(ByteView payload);

template <>
Result<Ping> decode<Ping>(ByteView payload);

template <>
Result<Resume> decode<Resume>(ByteView payload);

template <>
Result<Resumed> decode<Resumed>(ByteView payload);

}  // namespace diglett::wire
