#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "auth/grid/decide.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "net/async.hpp"

namespace diglett::auth::grid {

/// A block of the chain, at which all reads of one decision are made.
struct Block {
    std::string hash;                                       ///< "0x" and 64 digits.
    std::chrono::sys_time<std::chrono::milliseconds> time;  ///< When it was made, by itself.
    friend bool operator==(const Block&, const Block&) = default;
};

/// Why the chain could not be asked. It never means that the chain said no: that is a value.
enum class Trouble {
    Unreachable,    ///< No connection, or no answer in time.
    Untrusted,      ///< TLS failed: another host's certificate, an expired or an unknown one.
    NodeFailed,     ///< The node answered that it could not, such as "state already discarded".
    Stale,          ///< The node's newest block is not of now, or our clock is wrong.
    OtherChain,     ///< It is a node of something else.
    NotUnderstood,  ///< The node answered something that is not an answer.
    Busy,           ///< Too many questions wait here.
};

struct ChainError {
    Trouble trouble = Trouble::Unreachable;
    std::string text;  ///< Of the world; escape it where it is shown.
};

template <class T>
using ChainResult = std::expected<T, ChainError>;

/// Reads the chain. All on one worker. `source` is who asks ("" is the gateway itself): questions
/// of one source do not delay those of another, nor those that all share.
class ChainReader {
  public:
    virtual ~ChainReader() = default;

    /// The newest block as of this call: made by the chain within the last minute, asked for after
    /// the call, and never older than one that was returned before: what was decided at that one
    /// stays in the past.
    [[nodiscard]] virtual net::Awaitable<ChainResult<Block>> head(TimePoint deadline) = 0;

    /// What is stored at `block` under each of `keys`, in their order.
    [[nodiscard]] virtual net::Awaitable<ChainResult<std::vector<StorageValue>>> read(
        Block block, std::vector<ByteVector> keys, std::string source, TimePoint deadline) = 0;
};

}  // namespace diglett::auth::grid
