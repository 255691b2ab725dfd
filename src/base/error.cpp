#include "base/error.hpp"

#include <fmt/format.h>

namespace diglett {

std::string dig_code(Errc code) {
    return fmt::format("DIG-{:04}", static_cast<unsigned>(code));
}

int exit_code(Errc code) {
    switch (code) {
        case Errc::InvalidUsage:
            return 2;
        case Errc::InvalidConfig:
        case Errc::UnreadableFile:
        case Errc::AddressInUse:
        case Errc::StateDirLocked:
        case Errc::CorruptState:
        case Errc::WeakFileMode:
        case Errc::DiskFull:
            return 3;
        case Errc::GatewayUnreachable:
        case Errc::ConnectionLost:
        case Errc::TimedOut:
        case Errc::LimitReached:
        case Errc::TryLater:
        case Errc::Undecided:
        case Errc::ProtocolViolation:
        case Errc::UnsupportedVersion:
        case Errc::FlowControlViolation:
        case Errc::TlsFailed:
        case Errc::TooMuchNoise:
            return 4;
        case Errc::GatewayKeyChanged:
        case Errc::GatewayUntrusted:
        case Errc::CredentialRefused:
        case Errc::CredentialExpired:
        case Errc::CredentialMissing:
            return 5;
        case Errc::NameInvalid:
        case Errc::NameReserved:
        case Errc::NameTaken:
        case Errc::NameInUse:
        case Errc::NameNotAllowed:
        case Errc::NameReplaced:
        case Errc::NameRevoked:
        case Errc::TooManyNames:
            return 6;
        default:
            return 1;
    }
}

bool is_retryable(Errc code) {
    const auto number = static_cast<unsigned>(code);
    const bool world_or_protocol =
        (number >= 2000 && number < 3000) || (number >= 5000 && number < 6000);
    return world_or_protocol && code != Errc::Cancelled;
}

}  // namespace diglett
