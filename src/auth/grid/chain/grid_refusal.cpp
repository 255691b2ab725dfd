#include "auth/grid/chain/grid_refusal.hpp"

#include <string>

#include <fmt/format.h>

#include "auth/grid/chain/limits.hpp"
#include "base/escape.hpp"

namespace diglett::auth::grid {

namespace {

using wire::RefusalCode;

Refusal refuse(RefusalCode code, std::string text) {
    return {.code = code, .text = std::move(text)};
}

Refusal undecided(Reason reason) {
    return refuse(RefusalCode::Undecided, std::string(words(reason)));
}

/// Whether the answer is about who the agent is, not about a name.
bool is_about_twin(Reason reason) {
    return reason == Reason::NoSuchTwin || reason == Reason::ZeroAccount ||
           reason == Reason::AccountChanged;
}

}  // namespace

Refusal refusal_of(TokenError error, bool is_grid_token) {
    Refusal refused =
        refuse(error == TokenError::Expired ? RefusalCode::Expired : RefusalCode::Credential,
               std::string(words(error)));
    refused.not_recognised = !is_grid_token;
    return refused;
}

Refusal refusal_of(const ChainError& error) {
    if (error.trouble == Trouble::Busy) {
        Refusal refused = refuse(RefusalCode::TryLater, error.text);
        refused.retry_after = kBusyFor;
        return refused;
    }
    // Which nodes the gateway asks, and what is wrong with them, is in its log.
    return refuse(RefusalCode::Undecided, "the chain cannot be asked now");
}

Refusal refusal_of_login(Reason reason) {
    return answer_of(reason) == Answer::CannotDecide
               ? undecided(reason)
               : refuse(RefusalCode::Credential, std::string(words(reason)));
}

Refusal refusal_of_name(Reason reason) {
    if (answer_of(reason) == Answer::CannotDecide) {
        return undecided(reason);
    }
    const bool ends = is_about_twin(reason);
    Refusal refused = refuse(ends ? RefusalCode::Credential : RefusalCode::NameNotAllowed,
                             std::string(words(reason)));
    refused.ends_identity = ends;
    return refused;
}

}  // namespace diglett::auth::grid
