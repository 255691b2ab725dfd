#include "auth/authenticator_chain.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "base/escape.hpp"

namespace diglett::auth {

namespace {

/// What the chain puts in place of a member's grant.
struct ChainGrant {
    std::shared_ptr<Authenticator> by;
    std::any grant;  ///< The member's own.
};

bool is_final(const Refusal& refused) {
    return refused.code != wire::RefusalCode::Credential;
}

/// A refusal and whose it is.
struct Decided {
    Refusal refused;
    std::string_view by;
};

/// Which of two refusals the agent hears.
void keep_better(std::optional<Decided>& kept, Decided next) {
    if (!kept || kept->refused.not_recognised) {
        kept = std::move(next);
    }
}

}  // namespace

AuthenticatorChain::AuthenticatorChain(std::vector<std::unique_ptr<Authenticator>> members,
                                       Logger logger)
    : logger_(std::move(logger)) {
    DIGLETT_ASSERT(!members.empty());
    for (const bool accepts_anyone : {false, true}) {
        for (auto& member : members) {
            if (member && member->accepts_anyone() == accepts_anyone) {
                members_.push_back(std::move(member));
            }
        }
    }
}

net::Awaitable<std::expected<Identity, Refusal>> AuthenticatorChain::authenticate(
    const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) {
    std::optional<Decided> decided;
    for (const auto& member : members_) {
        const bool found_wrong = decided && !decided->refused.not_recognised;
        if (found_wrong && member->accepts_anyone()) {
            break;
        }
        auto question = member->authenticate(credential, facts, deadline);
        auto answer = co_await std::move(question);
        if (answer) {
            logger_.info("agent {} is {}, decided by '{}'", escape(facts.address),
                         escape(answer->key), member->name());
            answer->grant = ChainGrant{.by = member, .grant = std::move(answer->grant)};
            co_return std::move(*answer);
        }
        logger_.debug("agent {}: '{}' says {}: {}", escape(facts.address), member->name(),
                      wire::to_string(answer.error().code), escape(answer.error().text));
        const bool final = is_final(answer.error());
        Decided next{.refused = std::move(answer.error()), .by = member->name()};
        if (final) {
            decided = std::move(next);
            break;
        }
        keep_better(decided, std::move(next));
    }
    logger_.info("agent {} is refused, decided by '{}'", escape(facts.address), decided->by);
    co_return std::unexpected(std::move(decided->refused));
}

net::Awaitable<std::expected<Allowed, Refusal>> AuthenticatorChain::authorize(
    const Identity& identity, const std::string& name, const std::string& kind,
    TimePoint deadline) {
    const auto* ours = std::any_cast<ChainGrant>(&identity.grant);
    DIGLETT_ASSERT(ours != nullptr);
    Identity theirs = identity;
    theirs.grant = ours->grant;
    const auto by = ours->by;
    auto question = by->authorize(theirs, name, kind, deadline);
    auto answer = co_await std::move(question);
    if (!answer) {
        logger_.info("{} may not use name '{}', decided by '{}': {}", escape(identity.key),
                     escape(name), by->name(), escape(answer.error().text));
    }
    co_return answer;
}

std::shared_ptr<Authenticator> AuthenticatorChain::find_by_key(std::string_view key) const {
    const auto name = key.substr(0, key.find(':'));
    const auto found =
        std::ranges::find_if(members_, [&](const auto& member) { return member->name() == name; });
    return found == members_.end() ? nullptr : *found;
}

bool AuthenticatorChain::outranks_leases(std::string_view key) const {
    const auto by = find_by_key(key);
    return by && by->outranks_leases();
}

net::Awaitable<std::expected<Allowed, Refusal>> AuthenticatorChain::authorize_key(
    const std::string& key, const std::string& name, const std::string& kind, TimePoint deadline) {
    const auto by = find_by_key(key);
    DIGLETT_ASSERT(by && by->outranks_leases());
    const Identity bare{.key = key, .reserves_names = true, .grant = {}};
    auto question = by->authorize(bare, name, kind, deadline);
    auto answer = co_await std::move(question);
    co_return answer;
}

}  // namespace diglett::auth
