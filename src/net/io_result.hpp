#pragma once

#include <cstddef>

namespace diglett::net {

/// What one non-blocking read or write of a socket did. The system's number is kept, since callers
/// decide on it.
struct IoResult {
    enum class State : unsigned char {
        Ready,    ///< More may be possible at once.
        Blocked,  ///< Nothing more now: wait.
        End,      ///< Read only: the peer's FIN.
        Failed,   ///< The socket is broken; `error` is errno.
    };

    std::size_t bytes = 0;  ///< Bytes moved by this call.
    State state = State::Ready;
    int error = 0;  ///< errno when Failed, else 0.
};

}  // namespace diglett::net
