#pragma once

#include "agent/gateway_trust.hpp"

namespace diglett::app {

/// The question at the terminal that a gateway met for the first time asks for; empty when there is
/// none. Only "yes" is a yes. SIGINT and SIGTERM end it with Cancelled, and are handled as usual
/// then.
[[nodiscard]] agent::GatewayTrust::Question terminal_question();

}  // namespace diglett::app
