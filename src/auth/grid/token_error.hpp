#pragma once

#include <string_view>

namespace diglett::auth::grid {

/// Why a token is refused before anything is asked of the chain, in the order of the checks.
enum class TokenError {
    TooLong,           ///< More than kMaxTokenBytes.
    NotThreeParts,     ///< Not three parts with dots between them, or one is empty.
    NotBase64Url,      ///< A part is no base64url, has padding, or is in a second spelling.
    BadHeader,         ///< The header is no JSON object, or names a member twice.
    WrongAlgorithm,    ///< `alg` is not "RS512", as all of ThreeFold's tokens say.
    WrongType,         ///< `typ` is not "diglett+jwt": a token for something else.
    CriticalHeader,    ///< `crit` asks for an extension to be understood; there is none.
    BadClaims,         ///< The claims are no JSON object, or name a member twice.
    BadTwin,           ///< `sub` is no integer from 1 to 4294967295.
    BadName,           ///< `name` is neither a name of the chain nor an array of such.
    BadAudience,       ///< `aud` is no string.
    BadTimes,          ///< `iat` or `exp` is no time, or `exp` does not come after `iat`.
    LifetimeTooLong,   ///< `exp - iat` is over the maximum of the gateway.
    FromTheFuture,     ///< `iat` is more than kClockAllowance ahead of the gateway's clock.
    Expired,           ///< `exp` has come.
    OtherAudience,     ///< `aud` names another gateway.
    BadSignatureForm,  ///< Not 65 bytes, or the first is neither 'e' nor 's'.
};

/// A sentence for the agent, which says nothing of the token's content.
[[nodiscard]] std::string_view words(TokenError error);

}  // namespace diglett::auth::grid
