#pragma once

#include <chrono>
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

/// Objects and arrays inside each other in a JSON payload. Messages need two; the rest is for
/// members of later versions, which are ignored.
inline constexpr std::size_t kMaxJsonDepth = 4;

/// Text of a Reset, bytes. (protocol 6.5)
inline constexpr std::size_t kMaxResetTextBytes = 200;

/// Text of a Refused, Error or GoAway, bytes: some sentences with two addresses and a way out.
inline constexpr std::size_t kMaxRefusalTextBytes = 1'000;

/// Name and version of the peer's program in Hello, bytes: for logs.
inline constexpr std::size_t kMaxSoftwareBytes = 100;

/// Features in Hello: how many, and bytes of each; far more than one version can have.
inline constexpr std::size_t kMaxFeatures = 64;
inline constexpr std::size_t kMaxFeatureBytes = 64;

/// Credential in Login, bytes: a token of an identity provider with all its claims fits.
inline constexpr std::size_t kMaxTokenBytes = 8'192;

/// Identity in Welcome, bytes: an issuer's URL and a subject (255 characters in OpenID Connect).
inline constexpr std::size_t kMaxIdentityBytes = 1'024;

/// Pins in Welcome: how many, and bytes of each ("sha256/" and 44 characters of base64 today).
inline constexpr std::size_t kMaxNextPins = 8;
inline constexpr std::size_t kMaxPinBytes = 100;

/// How long a peer that said GoAway is waited for when it named no time, and at most when it did;
/// its streams may end meanwhile. (protocol 9.3)
inline constexpr std::chrono::seconds kDefaultLeave{30};
inline constexpr std::chrono::hours kMaxLeave{1};

/// What is added to that time: a peer that keeps it is never cut while its last words are on the
/// way.
inline constexpr std::chrono::seconds kLeaveSlack{2};

/// Name in Register and its answer, bytes: as long as a domain name may be (RFC 1035
/// section 2.3.4). Which names exist is decided by the name grammar, not here.
inline constexpr std::size_t kMaxNameBytes = 255;

/// Kind in Register, bytes: a word.
inline constexpr std::size_t kMaxKindBytes = 32;

/// URL in the answer to Register, bytes: scheme, name and port, and room for a path.
inline constexpr std::size_t kMaxUrlBytes = 2'048;

}  // namespace diglett::wire
