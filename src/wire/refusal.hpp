#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "wire/decode.hpp"

namespace diglett::wire {

/// Why a session, a login or a registration is refused; used in Refused, Error and GoAway.
/// (protocol 9)
enum class RefusalCode : std::uint16_t {
    Credential = 1,
    Expired = 2,
    TryLater = 3,
    Undecided = 4,
    Version = 5,
    Unknown = 6,
    Stale = 7,
    Replaced = 8,
    Revoked = 9,
    Position = 10,
    Busy = 11,
    Elsewhere = 12,
    NameInvalid = 13,
    NameReserved = 14,
    NameTaken = 15,
    NameInUse = 16,
    NameNotAllowed = 17,
    TooManyNames = 18,
    Protocol = 19,
    Shutdown = 20,
    Restart = 21,
    KindUnsupported = 22,
};

/// The same word in JSON, logs and docs, e.g. `name-taken`. Unknown words decode as Unknown.
[[nodiscard]] std::string_view to_string(RefusalCode code);
[[nodiscard]] RefusalCode refusal_code_from(std::string_view word);

/// The Errc an agent reports for a refusal of the gateway.
[[nodiscard]] Errc errc_of(RefusalCode code);

/// Payload: code u16, then a JSON object {"text": ..., "retry_ms": ...}.
struct Refused {
    RefusalCode code = RefusalCode::Unknown;
    std::string text;
    std::uint32_t retry_ms = 0;  ///< When to try again; 0: as the receiver thinks fit.
    friend bool operator==(const Refused&, const Refused&) = default;
};

/// Payload of Error (id = registration) and GoAway (id = 0). (protocol 9)
struct Refusal {
    RefusalCode code = RefusalCode::Unknown;
    std::string text;
    std::uint32_t retry_ms = 0;
    std::uint32_t deadline_ms = 0;  ///< GoAway: time until the sender closes.
    friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// How long the receiver of a GoAway waits for its sender to close, from its arrival on: between
/// kLeaveSlack and kMaxLeave and that. (protocol 9.3)
[[nodiscard]] std::chrono::milliseconds leave_time(const Refusal& go_away);

void encode(const Refused& message, ByteVector& out);
void encode(const Refusal& message, ByteVector& out);

template <>
Result<Refused> decode<Refused>(ByteView payload);

template <>
Result<Refusal> decode<Refusal>(ByteView payload);

}  // namespace diglett::wire
