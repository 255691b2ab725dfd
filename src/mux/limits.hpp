#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "wire/frame.hpp"

/// Every bound of a link: name, unit, reason. What the peer must know is in docs/protocol.md.
namespace diglett::mux {

// Journal and batches.

/// Bytes of one pool chunk: a whole batch fits, and one read of a socket fills it.
inline constexpr std::size_t kChunkBytes = 256 * 1024;

/// Chunks a worker keeps free (8 MiB): what a busy link's journal swings by between two Acks.
inline constexpr std::size_t kMaxFreeChunks = 32;

/// Unacknowledged journal bytes that Data may fill; more would only sit in the kernel's queues.
inline constexpr std::uint64_t kMaxRingBytes = 32 * 1024 * 1024;

/// The same while the process's memory is tight (85 % used): enough for a fast link nearby, and
/// what many that acknowledge nothing hold is small against the budget.
inline constexpr std::uint64_t kTightRingBytes = 1024 * 1024;

/// What logged control frames may use beyond ring and link limit, so that an End or a Window never
/// waits for Data. (protocol 5.3)
inline constexpr std::uint64_t kControlReserveBytes = 256 * 1024;

/// The most that a peer's limit is taken for: no journal gets there, and sums with it fit 64 bits.
inline constexpr std::uint64_t kMaxPeerLimit = std::uint64_t{1} << 62U;

/// A batch while one stream is active: the syscall's price is spread far enough (512 KiB gains
/// little, 32 KiB costs a third).
inline constexpr std::size_t kMaxBatchBytes = 256 * 1024;

/// A batch while several are active, so that one of them waits less for the others.
inline constexpr std::size_t kSharedBatchBytes = 64 * 1024;

/// Bytes a stream may send before the next one's turn: one frame, one TLS record.
inline constexpr std::size_t kQuantumBytes = 16 * 1024;

/// The same for a stream that has just sent as much: a whole shared batch, so that each system call
/// of the sockets behind it moves that much. 16 KiB cost a third of what 8 or 64 streams move.
inline constexpr std::size_t kBulkQuantumBytes = kSharedBatchBytes;

/// What is left of a quantum below this is not worth a frame of its own.
inline constexpr std::uint32_t kMinTurnBytes = 1024;

/// A stream that sent within this counts as active: long enough that a bulk stream beside an
/// interactive one is not taken to be alone in between.
inline constexpr std::chrono::milliseconds kStillActive{100};

/// Frames that one read of a stream may fill, and so the segments of one readv.
inline constexpr std::size_t kMaxReadSegments = kMaxBatchBytes / (16 * 1024);

/// A chunk's tail shorter than this is left unused rather than filled by a short Data frame.
inline constexpr std::size_t kMinSegmentBytes = 4 * 1024;

/// Segments gathered before a run of Data frames is written: twice a full receive of 256 KiB.
inline constexpr std::size_t kMaxWriteSegments = 32;

// Streams.

/// Streams of one link at once, refused ones that wait for their Reset included up to twice that.
inline constexpr std::uint32_t kMaxStreams = 65'536;

/// The last id of a link; new streams need a fresh link then. (protocol 6.2)
inline constexpr std::uint32_t kMaxStreamId = 0x7fff'ffff;

/// Logged bytes of one direction after which new streams need a fresh link, far from where the
/// positions of its journal would wrap. (protocol 6.2)
inline constexpr std::uint64_t kMaxLinkBytes = std::uint64_t{1} << 47U;

/// Text of a Reset. (protocol 6.5)
inline constexpr std::size_t kMaxResetTextBytes = 200;

/// Queued conversation frames, bytes: the control reserve is all that is sure to leave.
inline constexpr std::size_t kMaxQueuedMessageBytes = kControlReserveBytes;

/// Answers that wait for the carrier; older ones go first, as a peer needs only the newest.
inline constexpr std::size_t kMaxPendingPongs = 32;

/// How late on_stream_ended may come when no other event carries it.
inline constexpr std::chrono::milliseconds kEndedNoticeDelay{10};

// Credit.

/// Accepted for streams and not yet taken by their sockets, per link. (protocol 5.1)
inline constexpr std::uint64_t kMaxBufferedBytes = 64 * 1024 * 1024;

/// Link window: first value, and the most it grows to. (protocol 5.1)
inline constexpr std::uint64_t kInitialLinkWindowBytes = 1024 * 1024;
inline constexpr std::uint64_t kMaxLinkWindowBytes = 32 * 1024 * 1024;

/// Link window granted even when the process budget is gone: without it a link could not move at
/// all because of others.
inline constexpr std::uint64_t kMinLinkWindowBytes = 64 * 1024;

/// Stream window: first value, least and most. (protocol 5.2)
inline constexpr std::uint64_t kInitialStreamWindowBytes = 256 * 1024;
inline constexpr std::uint64_t kMinStreamWindowBytes = 64 * 1024;
inline constexpr std::uint64_t kMaxStreamWindowBytes = 16 * 1024 * 1024;

/// Windows are measured over a round trip, but at least this long: shorter spans measure how the
/// scheduler slices time rather than how fast the reader is.
inline constexpr std::chrono::milliseconds kMinMeasureSpan{4};

/// The hog rule's period and how long a stream must stand still to be one. (protocol 5.4)
inline constexpr std::chrono::milliseconds kHogCheckPeriod{250};
inline constexpr std::chrono::seconds kHogWatchPeriod{1};  ///< While nothing is short.
inline constexpr std::chrono::seconds kHogPatience{1};

/// The same for one that was not slow until then: a system that is read steadily may open a TCP
/// window in steps of a sixteenth of its buffer (400 KB, so 1 s at 400 KB/s).
inline constexpr std::chrono::seconds kHogLongPatience{4};

/// A stream is slow when it would need longer than this for what it holds,
inline constexpr std::chrono::seconds kHogSlowest{16};

/// measured over at least and at most this long: who reads in bursts moves nothing between two.
inline constexpr std::chrono::seconds kHogMeasureLeast{1};
inline constexpr std::chrono::seconds kHogMeasureMost{4};

/// While the process is short of memory, slow streams that move are spared for this long after one
/// that stands still was found last, in any session: a watch period and the longer patience find
/// those.
inline constexpr std::chrono::seconds kHogSlowPatience{6};

/// But no longer than this: somebody could let one after another stand still to keep slow ones.
inline constexpr std::chrono::seconds kHogSlowMercy{60};

/// The largest block that a growing spill is kept in; a whole refused run may be one of its own.
inline constexpr std::size_t kMaxSpillBlockBytes = 64 * 1024;

// Acknowledgement. (protocol 4.3)

inline constexpr std::uint64_t kAckAfterBytes = 256 * 1024;
inline constexpr std::chrono::milliseconds kAckDelay{50};

// Liveness. (protocol 8)

inline constexpr std::chrono::seconds kPingAfterSilence{5};
inline constexpr std::chrono::seconds kDeadAfterSilence{15};
inline constexpr std::chrono::seconds kStuckAfter{30};

/// The round trip is measured anew this often while bytes arrive.
inline constexpr std::chrono::milliseconds kMeasureEvery{500};

// Frames without cause, per second, and as many at once. (protocol 8.4)

inline constexpr std::uint32_t kMaxPingsPerSecond = 20;
inline constexpr std::uint32_t kMaxUselessWindowsPerSecond = 1'000;
inline constexpr std::uint32_t kMaxStrayFramesPerSecond = 330;

}  // namespace diglett::mux
