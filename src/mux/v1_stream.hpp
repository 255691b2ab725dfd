#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "mux/spill.hpp"
#include "mux/stream_io.hpp"

namespace diglett::mux {

/// What V1Link knows of one stream.
struct V1Stream {
    enum class Phase : std::uint8_t {
        Open,      ///< Both ways.
        Held,      ///< Gateway: the visitor's FIN has come and is held back.
        Flushing,  ///< The peer has closed; what is left is written, what the outside sends is
                   ///< thrown away.
    };

    StreamId id;
    std::uint32_t wire_id;
    std::shared_ptr<StreamIo> io;  ///< Agent: none until attach().
    Spill spill;
    TimePoint heard;     ///< The last Payload with bytes.
    TimePoint progress;  ///< The outside end last took or ended something.
    TimePoint due = kNever;
    Phase phase = Phase::Open;
    bool is_queued = false;
    bool wants_read = false;
    bool wants_write = false;
    bool has_heard = false;
    bool has_outside_ended = false;
    bool has_sent_fin = false;
    bool is_full = false;
};

}  // namespace diglett::mux
