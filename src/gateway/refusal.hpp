#pragma once

#include <chrono>
#include <string>

#include "auth/authenticator.hpp"
#include "base/error.hpp"
#include "wire/message.hpp"

namespace diglett::gateway {

/// The words in which the gateway refuses, made from what its parts say. (protocol 9)
[[nodiscard]] wire::Refusal refusal(wire::RefusalCode code, std::string text);
[[nodiscard]] wire::Refusal try_later(std::string text, std::chrono::milliseconds delay);
[[nodiscard]] wire::Refusal to_wire(const auth::Refusal& refused);

/// For a name that is asked for while the session ends: to be asked for in the next one. (protocol
/// 9.3)
[[nodiscard]] wire::Refusal session_ends();

/// For an error of ours: those an agent can mend keep their code, any other is a try-later.
[[nodiscard]] wire::Refusal to_wire(const Error& error);

/// `2026-11-24T15:30:00Z`, for people.
[[nodiscard]] std::string utc_now();

}  // namespace diglett::gateway
