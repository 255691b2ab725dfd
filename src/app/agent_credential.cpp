#include "app/agent_credential.hpp"

#include <utility>

#include "app/limits.hpp"
#include "base/file.hpp"
#include "crypto/constant_time.hpp"

namespace diglett::app {

namespace {

/// For `check`, where no agent's key is read and so no name can be derived.
constexpr const char* kSomeName = "abcdefgh";

}  // namespace

AgentCredential::AgentCredential(const AgentConfig& config, std::optional<GridMint> mint,
                                 const std::vector<agent::Service>& services)
    : config_(config), mint_(std::move(mint)) {
    for (const auto& service : services) {
        names_.push_back(service.name.empty() ? kSomeName : service.name);
    }
}

Result<Secret> AgentCredential::current() const {
    if (mint_) {
        return mint_token(mint_->key, names_, mint_->audience, kMintedLifetime);
    }
    if (config_.token_file.empty()) {
        return Secret(config_.token);
    }
    auto text = read_file(config_.token_file, kMaxCredentialFileBytes);
    if (!text) {
        return forward_error(text);
    }
    if (text->ends_with('\n'))
        text->pop_back();
    if (text->ends_with('\r'))
        text->pop_back();
    return Secret(std::move(*text));
}

bool AgentCredential::has_changed(const Secret& used) const {
    if (mint_ || config_.token_file.empty()) {
        return false;
    }
    const auto now = current();
    return now && !crypto::equal_in_constant_time(now->expose_secret(), used.expose_secret());
}

}  // namespace diglett::app
