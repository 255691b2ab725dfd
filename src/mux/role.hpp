#pragma once

namespace diglett::mux {

/// Which end of a session this is: the gateway opens streams, the agent logs in and registers.
enum class Role : unsigned char { Gateway, Agent };

}  // namespace diglett::mux
