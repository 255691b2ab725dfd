#include "mux/resume.hpp"

#include <string_view>

#include "crypto/constant_time.hpp"
#include "crypto/hmac.hpp"

namespace diglett::mux {

namespace {

template <class Number>
void append_number(Number value, ByteVector& out) {
    out.resize(out.size() + sizeof(Number));
    store_be(value, MutableBytes(out).last(sizeof(Number)));
}

void append_bytes(ByteView bytes, ByteVector& out) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

wire::Proof make_resume_proof(Role prover, const ResumeClaim& claim, ByteView key,
                              ByteView exporter) {
    using namespace std::string_view_literals;
    ByteVector message;
    append_bytes(as_bytes(prover == Role::Agent ? "diglett-2 agent"sv : "diglett-2 gateway"sv),
                 message);
    append_bytes(claim.session, message);
    append_number(claim.link.value, message);
    append_number(claim.epoch, message);
    append_number(claim.received, message);
    append_number(claim.limit, message);
    append_bytes(exporter, message);
    return crypto::hmac_sha256(key, message);
}

bool is_resume_proof_right(const wire::Proof& proof, Role prover, const ResumeClaim& claim,
                           ByteView key, ByteView exporter) {
    const wire::Proof right = make_resume_proof(prover, claim, key, exporter);
    return crypto::equal_in_constant_time(proof, right);
}

std::optional<wire::RefusalCode> check_resume(const ResumeSituation& situation,
                                              std::uint32_t epoch) {
    using enum wire::RefusalCode;
    if (!situation.is_session_known || !situation.is_proof_right) {
        return Unknown;
    }
    if (situation.is_revoked) {
        return Revoked;
    }
    if (situation.is_replaced) {
        return Replaced;
    }
    if (epoch <= situation.current_epoch) {
        return Stale;
    }
    if (!situation.is_position_valid) {
        return Position;
    }
    return std::nullopt;
}

}  // namespace diglett::mux
