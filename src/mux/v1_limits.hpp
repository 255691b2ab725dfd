#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.hpp"
#include "wire/limits.hpp"

/// Every bound of protocol 1's streams, with unit and reason. Protocol 1 has no credit, no ping and
/// no reset, so most of these stand for something that protocol 2 knows and protocol 1 must guess.
/// (protocol A)
namespace diglett::mux {

/// Bytes of a token in Login, as in protocol 2; what comes before a login must stay cheap.
inline constexpr std::size_t kV1MaxTokenBytes = 8'192;

/// Streams of one session at once, those included whose last bytes are still on their way out.
inline constexpr std::size_t kV1MaxStreams = 16'384;

/// Bytes of one frame that we send, header included: small enough that streams take turns, and what
/// protocol 2 uses.
inline constexpr std::size_t kV1SentFrameBytes = wire::kMaxFrameBytes;

/// Bytes of one batch: four frames, so that a frame of another stream never waits for more.
inline constexpr std::size_t kV1BatchBytes = 4 * kV1SentFrameBytes;

/// Bytes of conversation frames, Closes and first Payloads waiting for the carrier. Full: no
/// message and no new stream.
inline constexpr std::size_t kV1ControlBytes = 256 * 1024;

/// Bytes of Closes owed to a peer that makes us owe them but reads nothing. Beyond: the session
/// ends.
inline constexpr std::size_t kV1MaxControlBytes = 4 * kV1ControlBytes;

/// Bytes kept for one outside end that takes nothing. Beyond: the carrier is not read.
inline constexpr std::size_t kV1StreamSpillBytes = 8 * 1024 * 1024;

/// The same for all streams of a session together.
inline constexpr std::size_t kV1SessionSpillBytes = 32 * 1024 * 1024;

/// How far either must fall below its bound before the carrier is read again. With kV1Patience it
/// is the slowest pace that a full stream may have beside others: 200 KiB/s.
inline constexpr std::size_t kV1ResumeBytes = 1024 * 1024;

/// How long the others wait for a full stream; then it is ended. (A stopped carrier stops all of
/// its streams.)
inline constexpr Duration kV1Patience = std::chrono::seconds{5};

/// A visitor's FIN cannot travel, since a Close ends both directions. It is held back until the
/// backend has ended or has been silent this long.
inline constexpr Duration kV1BackendSilence = std::chrono::seconds{5};

/// A Close breaks the original agent's link if it comes while that agent writes Payload for this
/// stream. So the bytes of a visitor that left are thrown away until none has come for this long
/// ...
inline constexpr Duration kV1QuietBeforeClose = std::chrono::milliseconds{250};

/// ... or until this is over, and then the Close is sent.
inline constexpr Duration kV1LongestDrain = std::chrono::seconds{10};

/// How long an agent takes no Payload for an id that it closed: the original gateway does not
/// answer a Close, uses ids again, and has more of the upload on its way.
inline constexpr Duration kV1IgnoreClosedId = std::chrono::seconds{2};

/// Ids of that kind remembered at once; the oldest is forgotten first.
inline constexpr std::size_t kV1MaxIgnoredIds = 16'384;

/// After the peer's Close and our FIN: how long an outside end may go on sending what nobody gets.
inline constexpr Duration kV1Linger = std::chrono::seconds{5};

/// After the peer's Close: how long an outside end may take no byte of what is still kept for it.
inline constexpr Duration kV1LongestStall = std::chrono::seconds{60};

/// Reads in one call of what a visitor or backend sends that nobody gets; the rest is asked for
/// again, so that others have their turn.
inline constexpr int kV1MaxDiscards = 16;

}  // namespace diglett::mux
