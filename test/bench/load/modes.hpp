#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <string>

namespace diglett::bench {

/// What the backend does with a connection: its first byte.
enum class Role : char {
    Echo = 'E',     ///< send everything back, that byte included
    Sink = 'S',     ///< discard
    Source = 'G',   ///< send until the peer closes
    Idle = 'I',     ///< send that byte back, then nothing
    Counter = 'C',  ///< answer every byte with the 8-byte total that all sinks have discarded
};

struct BulkOptions {
    sockaddr_in to{};       ///< the visitors' address
    sockaddr_in counter{};  ///< the backend itself, to read what has arrived there
    bool toward_backend = true;
    std::size_t streams = 1;
    std::chrono::milliseconds warmup{200};
    std::chrono::milliseconds window{800};
};

struct RateOptions {
    sockaddr_in to{};
    std::size_t parallel = 32;
    std::chrono::milliseconds window{800};
};

/// Serves every role on one thread until killed.
[[noreturn]] void run_backend(const sockaddr_in& listen);

/// Bytes that `streams` visitors moved in one direction within the window, as JSON: counted where
/// they arrive, so what lies in buffers does not count. "moved_bytes" is the whole run with its
/// warm-up, for CPU time per byte; "slowest_share" the slowest stream over the mean.
std::string run_bulk(const BulkOptions& options);

/// Round trips of `size` bytes (1 to 64 KiB) on one connection, one at a time, as JSON.
std::string run_ping(const sockaddr_in& to, std::size_t size, std::chrono::milliseconds window);

/// Connections per second, each connect, 64 bytes there and back, close; as JSON.
std::string run_connect_rate(const RateOptions& options);

/// Opens `streams` connections, one byte each way, prints {"held":N} and keeps them until stdin
/// ends.
void run_hold(const sockaddr_in& to, std::size_t streams);

}  // namespace diglett::bench
