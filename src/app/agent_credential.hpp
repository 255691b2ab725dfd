#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/service.hpp"
#include "app/agent_config.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace diglett::app {

/// What the agent shows a gateway: a token as it is, one from a file, or one made at each connect.
class AgentCredential {
  public:
    /// @param config outlives this. @param services those that a token made here names; a service
    /// without a name yet counts as one that has some name.
    AgentCredential(const AgentConfig& config, std::optional<GridMint> mint,
                    const std::vector<agent::Service>& services);

    /// The credential as it is now: a file is read anew, one final line end dropped; a grid token
    /// is made anew, for all names. @return UnreadableFile, and for a twin's key as mint_token().
    [[nodiscard]] Result<Secret> current() const;

    /// Whether the token file holds another one than `used` by now.
    [[nodiscard]] bool has_changed(const Secret& used) const;

  private:
    const AgentConfig& config_;
    std::optional<GridMint> mint_;
    std::vector<std::string> names_;
};

}  // namespace diglett::app
