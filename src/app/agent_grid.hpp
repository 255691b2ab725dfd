#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.hpp"
#include "base/secret.hpp"
#include "crypto/signing_key.hpp"

namespace diglett::app {

/// The key of a twin, by which tokens for gateways with `--auth grid` are signed.
struct TwinKey {
    std::uint32_t twin = 0;
    std::string file;
    crypto::KeyType type = crypto::KeyType::Sr25519;
};

/// What a token is made with at each connect.
struct GridMint {
    TwinKey key;
    std::string audience;
};

/// The flags of a twin's key, as the user wrote them.
struct TwinKeyConfig {
    std::string twin;
    std::string key_file;
    std::string key_type = "sr25519";

    void declare(Settings& settings);

    [[nodiscard]] bool is_given() const { return !twin.empty() || !key_file.empty(); }

    /// @return InvalidUsage when one of the two is missing.
    [[nodiscard]] Result<TwinKey> plan() const;
};

/// The agent's settings for gateways with `--auth grid`.
struct AgentGridConfig {
    TwinKeyConfig key;
    std::string audience;

    void declare(Settings& settings);

    /// @param gateway_host as the user wrote it; never what the gateway says of itself.
    /// @return nothing when no twin is given; InvalidUsage.
    [[nodiscard]] Result<std::optional<GridMint>> plan(const std::string& gateway_host) const;
};

/// A fresh token for the gateway `audience`, in whatever case and with a final dot or not. Reads
/// the key's file anew. @return WeakFileMode, UnreadableFile or InvalidConfig of that file, naming
/// it and the mend; InvalidUsage for what no gateway would accept.
[[nodiscard]] Result<Secret> mint_token(const TwinKey& key, const std::vector<std::string>& names,
                                        const std::string& audience, std::chrono::seconds lifetime);

}  // namespace diglett::app
