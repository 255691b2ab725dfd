#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "wire/reset_reason.hpp"

namespace diglett::wire {

// Binary messages. Each `encode` appends the payload alone (no frame header) to `out`; each
// `decode` takes exactly one payload and refuses any byte too few or too many with
// ProtocolViolation.

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
    std::uint32_t retry_ms = 0;  ///< 0: the sender's own back-off.
    friend bool operator==(const Refused&, const Refused&) = default;
};

// JSON messages: one object; unknown members are ignored, duplicates and wrong types refused, depth
// at most 4.

/// First frame of either side on a carrier. (protocol 2.3)
struct Hello {
    std::uint16_t min_version = 2;
    std::uint16_t max_version = 2;
    std::vector<std::string> features;
    std::string software;  ///< e.g. "diglett 0.1.0"; at most 100 bytes.
    std::uint64_t link_limit =
        0;  ///< Journal bytes the sender accepts before any Ack. (protocol 5.1)
    std::uint64_t stream_limit =
        0;  ///< Bytes the sender accepts on each stream of this link before any Window.
    friend bool operator==(const Hello&, const Hello&) = default;
};

/// The agent names itself. (protocol 2.4)
struct Login {
    std::array<std::byte, 32> agent_key{};  ///< Ed25519 public key of the agent.
    std::array<std::byte, 64>
        agent_signature{};  ///< Over "diglett-2 login" and the exporter of this carrier.
    std::array<std::byte, 16> instance{};  ///< Random for each process.
    std::string token;                     ///< Credential, may be empty; at most 8,192 bytes.
    friend bool operator==(const Login&, const Login&) = default;
};

/// The gateway accepts the login. (protocol 2.5)
struct Welcome {
    SessionId session{};
    std::uint32_t grace_ms = 0;
    std::string identity;  ///< Stable key, e.g. "tokens:alice".
    std::uint32_t max_streams = 0;
    std::uint32_t max_registrations = 0;
    std::vector<std::string> next_pins;
    friend bool operator==(const Welcome&, const Welcome&) = default;
};

/// The agent asks for a name; the frame's id is the registration's number. (protocol 2.6)
struct Register {
    std::string name;
    std::string kind = "http";
    bool takeover = false;
    friend bool operator==(const Register&, const Register&) = default;
};

/// Answer to Register with the same id. (protocol 2.7)
struct Registered {
    std::string name;
    std::uint64_t generation = 0;
    std::string url;         ///< Public URL, empty with the log registrar only.
    std::uint16_t port = 0;  ///< Helper port on the gateway's loopback, 0 if none.
    friend bool operator==(const Registered&, const Registered&) = default;
};

/// Payload of Error (id = registration) and GoAway (id = 0). (protocol 9)
struct Refusal {
    RefusalCode code = RefusalCode::Unknown;
    std::string text;
    std::uint32_t retry_ms = 0;
    std::uint32_t deadline_ms = 0;  ///< GoAway: time until the sender closes.
    friend bool operator==(const Refusal&, const Refusal&) = default;
};

void encode(const Open& message, ByteVector& out);
void encode(const Window& message, ByteVector& out);
void encode(const Reset& message, ByteVector& out);
void encode(const Ack& message, ByteVector& out);
void encode(const Ping& message, ByteVector& out);
void encode(const Resume& message, ByteVector& out);
void encode(const Resumed& message, ByteVector& out);
void encode(const Refused& message, ByteVector& out);
void encode(const Hello& message, ByteVector& out);
void encode(const Login& message, ByteVector& out);
void encode(const Welcome& message, ByteVector& out);
void encode(const Register& message, ByteVector& out);
void encode(const Registered& message, ByteVector& out);
void encode(const Refusal& message, ByteVector& out);

/// Decodes a whole payload. @return ProtocolViolation naming the message and what is wrong with it.
template <class Message>
[[nodiscard]] Result<Message> decode(ByteView payload);

extern template Result<Open> decode<Open>(ByteView);
extern template Result<Window> decode<Window>(ByteView);
extern template Result<Reset> decode<Reset>(ByteView);
extern template Result<Ack> decode<Ack>(ByteView);
extern template Result<Ping> decode<Ping>(ByteView);
extern template Result<Resume> decode<Resume>(ByteView);
extern template Result<Resumed> decode<Resumed>(ByteView);
extern template Result<Refused> decode<Refused>(ByteView);
extern template Result<Hello> decode<Hello>(ByteView);
extern template Result<Login> decode<Login>(ByteView);
extern template Result<Welcome> decode<Welcome>(ByteView);
extern template Result<Register> decode<Register>(ByteView);
extern template Result<Registered> decode<Registered>(ByteView);
extern template Result<Refusal> decode<Refusal>(ByteView);

}  // namespace diglett::wire
