#include "wire/reset_reason.hpp"

namespace diglett::wire {

std::string_view to_string(ResetReason reason) {
    switch (reason) {
        case ResetReason::Aborted:
            return "aborted";
        case ResetReason::BackendRefused:
            return "backend-refused";
        case ResetReason::BackendTimeout:
            return "backend-timeout";
        case ResetReason::BackendUnknown:
            return "backend-unknown";
        case ResetReason::SlowReader:
            return "slow-reader";
        case ResetReason::SessionEnded:
            return "session-ended";
        case ResetReason::LimitReached:
            return "limit-reached";
        case ResetReason::Shutdown:
            return "shutdown";
    }
    return "aborted";
}

}  // namespace diglett::wire
