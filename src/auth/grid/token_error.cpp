#include "auth/grid/token_error.hpp"

#include <utility>

namespace diglett::auth::grid {

std::string_view words(TokenError error) {
    switch (error) {
        case TokenError::TooLong:
            return "the token is longer than 8 KiB";
        case TokenError::NotThreeParts:
            return "the token has not three parts with dots between them";
        case TokenError::NotBase64Url:
            return "a part of the token is not base64url without padding";
        case TokenError::BadHeader:
            return "the token's header is not one JSON object with each member once";
        case TokenError::WrongAlgorithm:
            return "the token's alg is not RS512";
        case TokenError::WrongType:
            return "the token's typ is not diglett+jwt";
        case TokenError::CriticalHeader:
            return "the token's header asks for an extension (crit)";
        case TokenError::BadClaims:
            return "the token's claims are not one JSON object with each member once";
        case TokenError::BadTwin:
            return "the token's sub is no twin id";
        case TokenError::BadName:
            return "the token's name is neither a name nor an array of names, each of 3 to 64 of "
                   "a-z, "
                   "0-9, '-' and '_'";
        case TokenError::BadAudience:
            return "the token's aud is not a string";
        case TokenError::BadTimes:
            return "the token's iat and exp are not Unix seconds, one after the other";
        case TokenError::LifetimeTooLong:
            return "the token is valid for longer than this gateway accepts";
        case TokenError::FromTheFuture:
            return "the token's iat lies in the future: one of the clocks is wrong";
        case TokenError::Expired:
            return "the token has expired";
        case TokenError::OtherAudience:
            return "the token is for another gateway (aud)";
        case TokenError::BadSignatureForm:
            return "the token's signature is not a type byte, 'e' or 's', and 64 bytes";
    }
    std::unreachable();
}

}  // namespace diglett::auth::grid
