#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>

#include "base/clock.hpp"
#include "net/async.hpp"

namespace diglett::net {

/// Asio's timer on the monotonic clock, for the few places that arm one by hand (see event.hpp,
/// sleep.hpp).
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

}  // namespace diglett::net
