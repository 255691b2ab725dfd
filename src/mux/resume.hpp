#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "mux/role.hpp"
#include "wire/message.hpp"

namespace diglett::mux {

/// What a proof of Join, Resume or Resumed covers. (protocol 7.2)
struct ResumeClaim {
    SessionId session{};
    LinkId link;
    std::uint32_t epoch = 0;
    std::uint64_t received = 0;
    std::uint64_t limit = 0;
};

/// HMAC-SHA256 under the session's key over who proves, the claim, and `exporter`, the TLS exporter
/// of the carrier it travels on: so it is worth nothing on another connection, and cannot be sent
/// back to the one who made it. `key` and `exporter` have 32 bytes.
[[nodiscard]] wire::Proof make_resume_proof(Role prover, const ResumeClaim& claim, ByteView key,
                                            ByteView exporter);

/// Compares in constant time.
[[nodiscard]] bool is_resume_proof_right(const wire::Proof& proof, Role prover,
                                         const ResumeClaim& claim, ByteView key, ByteView exporter);

/// What a gateway knows when a Resume arrives.
struct ResumeSituation {
    bool is_session_known = false;
    bool is_proof_right = false;  ///< Compute it for an unknown session too, under any key.
    bool is_revoked = false;
    bool is_replaced = false;
    std::uint32_t current_epoch = 0;
    bool is_position_valid = false;  ///< A frame's end that the peer can have.
};

/// Why a Resume with `epoch` is refused, or nothing. Whoever cannot prove the session learns no
/// more than that. (protocol 7.3)
[[nodiscard]] std::optional<wire::RefusalCode> check_resume(const ResumeSituation& situation,
                                                            std::uint32_t epoch);

}  // namespace diglett::mux
