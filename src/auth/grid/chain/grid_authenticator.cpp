#include "auth/grid/chain/grid_authenticator.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "auth/grid/chain/grid_refusal.hpp"
#include "auth/grid/storage_key.hpp"
#include "base/escape.hpp"

namespace diglett::auth::grid {

namespace {

constexpr std::string_view kKeyPrefix = "grid:";

/// Re-checks of names that came together drift apart by this share of the interval.
constexpr double kSpread = 0.2;

std::optional<std::uint32_t> twin_of(std::string_view key) {
    if (!key.starts_with(kKeyPrefix)) {
        return std::nullopt;
    }
    const auto digits = key.substr(kKeyPrefix.size());
    std::uint32_t twin = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, twin);
    return error == std::errc() && stopped == end && twin != 0 ? std::optional(twin) : std::nullopt;
}

Refusal not_over_v1() {
    return {.code = wire::RefusalCode::Credential,
            .text = "this gateway accepts grid tokens over protocol 1 only with allow-v1"};
}

Refusal twin_is_read_anew() {
    return {.code = wire::RefusalCode::TryLater,
            .text = "the token does not fit the twin's account; it is read from the chain anew",
            .retry_after = kFreshReadEvery};
}

/// Restored from a file that was changed, say: nothing that the chain said.
Refusal no_identity_of_ours(std::string_view key) {
    return {.code = wire::RefusalCode::Undecided,
            .text = fmt::format("'{}' is no identity of the grid", escape(key))};
}

}  // namespace

struct GridAuthenticator::Grant {
    GridToken token;  ///< Without what is signed: that is the secret.
    Account signer{};
    Block block;
    TimePoint taken_at;
    std::string source;
};

GridAuthenticator::GridAuthenticator(GridOptions options, ChainReader& chain, Clocks clocks,
                                     Logger logger)
    : options_(std::move(options)),
      chain_(chain),
      clocks_(std::move(clocks)),
      logger_(std::move(logger)) {}

net::Awaitable<std::expected<Identity, Refusal>> GridAuthenticator::authenticate(
    const Credential& credential, const ConnectionFacts& facts, TimePoint deadline) {
    const auto text = credential.token.expose_secret();
    auto token =
        parse_token(text, options_.token, std::chrono::floor<std::chrono::seconds>(clocks_.wall()));
    if (!token) {
        co_return std::unexpected(refusal_of(token.error(), looks_like_grid_token(text)));
    }
    if (facts.protocol == 1 && !options_.allow_v1) {
        co_return std::unexpected(not_over_v1());
    }
    const auto grant = std::make_shared<Grant>();
    grant->source = facts.source;
    auto verifying = verify(*token, grant->source, deadline);
    auto proof = co_await std::move(verifying);
    if (!proof) {
        co_return std::unexpected(std::move(proof.error()));
    }
    grant->signer = proof->signer;
    grant->block = std::move(proof->block);
    grant->taken_at = clocks_.steady();
    token->signing_input = Secret();
    grant->token = std::move(*token);
    co_return Identity{.key = fmt::format("{}{}", kKeyPrefix, grant->token.twin),
                       .reserves_names = true,
                       .grant = grant};
}

/// The answer that needs no reading; nothing when the twin must be read.
std::optional<std::expected<Account, Refusal>> GridAuthenticator::known(const GridToken& token) {
    const auto now = clocks_.steady();
    const auto twin = twins_.find(token.twin, now);
    if (!twin) {
        return std::nullopt;
    }
    if (!*twin) {
        return std::unexpected(refusal_of_login(twin->error()));
    }
    if (is_signed_by(token, **twin)) {
        return **twin;
    }
    switch (twins_.look_again(token.twin, now)) {
        case TwinCache::Look::Take:
            return std::nullopt;
        case TwinCache::Look::Believe:
            return std::unexpected(refusal_of_login(Reason::SignatureWrong));
        case TwinCache::Look::Wait:
            return std::unexpected(twin_is_read_anew());
    }
    std::unreachable();
}

net::Awaitable<std::expected<GridAuthenticator::Proof, Refusal>> GridAuthenticator::verify(
    const GridToken& token, std::string source, TimePoint deadline) {
    auto signer = known(token);
    if (signer && !*signer) {
        co_return std::unexpected(std::move(signer->error()));
    }
    auto asking = chain_.head(deadline);
    const auto block = co_await std::move(asking);
    if (!block) {
        co_return std::unexpected(refusal_of(block.error()));
    }
    if (!signer) {
        auto reading = read_signer(*block, token, std::move(source), deadline);
        signer = co_await std::move(reading);
    }
    if (!*signer) {
        co_return std::unexpected(std::move(signer->error()));
    }
    co_return Proof{.signer = **signer, .block = *block};
}

net::Awaitable<std::expected<Account, Refusal>> GridAuthenticator::read_signer(
    Block block, const GridToken& token, std::string source, TimePoint deadline) {
    std::vector<ByteVector> keys{twin_key(token.twin), twin_pallet_version_key()};
    auto reading = chain_.read(std::move(block), std::move(keys), std::move(source), deadline);
    const auto values = co_await std::move(reading);
    if (!values) {
        co_return std::unexpected(refusal_of(values.error()));
    }
    const PalletValue stored{.value = values->at(0), .pallet_version = values->at(1)};
    const auto account = account_of(token.twin, stored, options_.rules);
    if (!account) {
        const auto& decision = account.error();
        if (decision.answer() == Answer::NotAllowed) {
            twins_.put(token.twin, std::unexpected(decision.reason), clocks_.steady());
        }
        co_return std::unexpected(refusal_of_login(decision.reason));
    }
    warn_once(account->warnings);
    twins_.put(token.twin, account->value, clocks_.steady());
    if (!is_signed_by(token, account->value)) {
        co_return std::unexpected(refusal_of_login(Reason::SignatureWrong));
    }
    co_return account->value;
}

net::Awaitable<std::expected<Allowed, Refusal>> GridAuthenticator::authorize(
    const Identity& identity, const std::string& name, const std::string& /*kind*/,
    TimePoint deadline) {
    const auto* granted = std::any_cast<std::shared_ptr<Grant>>(&identity.grant);
    const auto grant = granted != nullptr ? *granted : nullptr;
    const auto twin = grant ? grant->token.twin : twin_of(identity.key);
    if (!twin) {
        co_return std::unexpected(no_identity_of_ours(identity.key));
    }
    const std::string source = grant ? grant->source : "";
    if (grant) {
        if (const auto no = check_name(grant->token, name); no != Reason::Allowed) {
            co_return std::unexpected(refusal_of_name(no));
        }
    }
    const bool is_of_login =
        grant && identity.at_login && clocks_.steady() - grant->taken_at < kFlight;
    std::optional<Block> block;
    if (is_of_login) {
        block = grant->block;
    } else {
        auto asking = chain_.head(deadline);
        auto newest = co_await std::move(asking);
        if (!newest) {
            co_return std::unexpected(refusal_of(newest.error()));
        }
        block = std::move(*newest);
    }
    const Account* signer = grant && !is_of_login ? &grant->signer : nullptr;
    auto deciding = decide_at(*block, *twin, signer, name, source, deadline);
    auto answer = co_await std::move(deciding);
    logger_.debug("name '{}' of {}{} at block {}: {}", escape(name), kKeyPrefix, *twin, block->hash,
                  answer ? "allowed" : wire::to_string(answer.error().code));
    co_return answer;
}

net::Awaitable<std::expected<Allowed, Refusal>> GridAuthenticator::decide_at(
    Block block, std::uint32_t twin, const Account* signer, std::string name, std::string source,
    TimePoint deadline) {
    std::vector<ByteVector> keys{name_registration_key(name), contract_pallet_version_key()};
    if (signer != nullptr) {
        keys.push_back(twin_key(twin));
        keys.push_back(twin_pallet_version_key());
    }
    auto reading = chain_.read(block, std::move(keys), source, deadline);
    const auto values = co_await std::move(reading);
    if (!values) {
        co_return std::unexpected(refusal_of(values.error()));
    }
    if (signer != nullptr) {
        const PalletValue stored{.value = values->at(2), .pallet_version = values->at(3)};
        const auto account = decide_account(twin, *signer, stored, options_.rules);
        if (account.answer() != Answer::Allowed) {
            co_return std::unexpected(refusal_of_name(account.reason));
        }
        warn_once(account.warnings);
    }
    const PalletValue registration{.value = values->at(0), .pallet_version = values->at(1)};
    const auto id = contract_id_of(registration, options_.rules);
    if (!id) {
        co_return std::unexpected(refusal_of_name(id.error().reason));
    }
    std::vector<ByteVector> contract_keys{contract_key(id->value)};
    auto fetching = chain_.read(block, std::move(contract_keys), std::move(source), deadline);
    const auto contract = co_await std::move(fetching);
    if (!contract) {
        co_return std::unexpected(refusal_of(contract.error()));
    }
    const PalletValue stored{.value = contract->at(0), .pallet_version = values->at(1)};
    const auto decision = decide_name(twin, name, id->value, stored, options_.rules);
    if (decision.answer() != Answer::Allowed) {
        co_return std::unexpected(refusal_of_name(decision.reason));
    }
    warn_once(decision.warnings);
    co_return allow();
}

std::expected<Allowed, Refusal> GridAuthenticator::allow() {
    const double share = 1.0 - kSpread * clocks_.random();
    return Allowed{.ask_again = clocks_.steady() +
                                std::chrono::duration_cast<Duration>(options_.recheck * share)};
}

void GridAuthenticator::warn_once(const std::vector<Warning>& warnings) {
    for (const auto& warning : warnings) {
        if (warned_.emplace(warning.of, warning.found).second) {
            logger_.warn("{}", words(warning));
        }
    }
}

}  // namespace diglett::auth::grid
