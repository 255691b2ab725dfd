#include "agent/comeback.hpp"

#include <algorithm>

#include "agent/limits.hpp"

namespace diglett::agent {

Duration Comeback::pause_after(const SessionEnd& end, TimePoint now) {
    if (end.welcome_at && now - *end.welcome_at >= kSteadySession) {
        backoff_.reset();
    }
    if (end.is_connection_refused) {
        backoff_.spread_once();
    }
    return std::max(backoff_.next(now), end.retry_after);
}

}  // namespace diglett::agent
