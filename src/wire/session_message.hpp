#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "wire/decode.hpp"

/// Messages of the opening conversation, as JSON objects: members that are unknown are ignored,
/// missing ones without a default, doubled ones and wrong types are refused. (protocol 3.5)
///
/// `encode` appends the payload alone to `out`. @pre every text is valid UTF-8 and within its bound
/// (wire/limits.hpp), else the peer refuses it.
namespace diglett::wire {

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

void encode(const Hello& message, ByteVector& out);
void encode(const Login& message, ByteVector& out);
void encode(const Welcome& message, ByteVector& out);
void encode(const Register& message, ByteVector& out);
void encode(const Registered& message, ByteVector& out);

template <>
Result<Hello> decode<Hello>(ByteView payload);

template <>
Result<Login> decode<Login>(ByteView payload);

template <>
Result<Welcome> decode<Welcome>(ByteView payload);

template <>
Result<Register> decode<Register>(ByteView payload);

template <>
Result<Registered> decode<Registered>(ByteView payload);

}  // namespace diglett::wire
