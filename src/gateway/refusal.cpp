#include "gateway/refusal.hpp"

#include <ctime>
#include <utility>

#include <fmt/chrono.h>

#include "gateway/limits.hpp"

namespace diglett::gateway {

namespace {

wire::RefusalCode code_of(Errc code) {
    switch (code) {
        case Errc::NameInvalid:
            return wire::RefusalCode::NameInvalid;
        case Errc::NameReserved:
            return wire::RefusalCode::NameReserved;
        case Errc::NameTaken:
            return wire::RefusalCode::NameTaken;
        case Errc::NameNotAllowed:
            return wire::RefusalCode::NameNotAllowed;
        case Errc::TooManyNames:
            return wire::RefusalCode::TooManyNames;
        default:
            return wire::RefusalCode::TryLater;
    }
}

}  // namespace

wire::Refusal refusal(wire::RefusalCode code, std::string text) {
    return {.code = code, .text = std::move(text), .retry_ms = 0, .deadline_ms = 0};
}

wire::Refusal try_later(std::string text, std::chrono::milliseconds delay) {
    auto refused = refusal(wire::RefusalCode::TryLater, std::move(text));
    refused.retry_ms = static_cast<std::uint32_t>(delay.count());
    return refused;
}

wire::Refusal session_ends() {
    return try_later("this session ends; ask in the next one", kShutdownRetry);
}

wire::Refusal to_wire(const auth::Refusal& refused) {
    auto words = refusal(refused.code, refused.text);
    const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(refused.retry_after);
    words.retry_ms = static_cast<std::uint32_t>(delay.count());
    return words;
}

wire::Refusal to_wire(const Error& error) {
    const auto code = code_of(error.code);
    return code == wire::RefusalCode::TryLater ? try_later(error.text, kOwnFaultRetry)
                                               : refusal(code, error.text);
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

}  // namespace diglett::gateway
