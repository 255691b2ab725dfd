#pragma once

#include "auth/authenticator.hpp"
#include "auth/grid/chain/chain_reader.hpp"
#include "auth/grid/decision.hpp"
#include "auth/grid/token_error.hpp"

/// What an agent hears: only what the chain said counts as a no.
namespace diglett::auth::grid {

/// Expired, or Credential; `is_grid_token` says whether the token looks like one of ours.
[[nodiscard]] Refusal refusal_of(TokenError error, bool is_grid_token);

/// TryLater when too much waits here, else Undecided.
[[nodiscard]] Refusal refusal_of(const ChainError& error);

/// Of a login: Credential, or Undecided. @pre `reason` is not Allowed.
[[nodiscard]] Refusal refusal_of_login(Reason reason);

/// Of a name: NameNotAllowed; Credential that ends the identity when the twin is no longer the
/// signer's; or Undecided. @pre `reason` is not Allowed.
[[nodiscard]] Refusal refusal_of_name(Reason reason);

}  // namespace diglett::auth::grid
