#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "app/gateway_grid_config.hpp"
#include "auth/authenticator.hpp"
#include "auth/grid/chain/grid_authenticator.hpp"
#include "net/worker_pool.hpp"

namespace diglett::app {

/// The grid authenticator with its connections to the chain, on a thread of its own: reading large
/// answers holds up nothing else.
class GridOnThread final : public auth::Authenticator {
  public:
    /// @return InvalidConfig, UnreadableFile for the CA file.
    [[nodiscard]] static Result<std::unique_ptr<GridOnThread>> open(GatewayGridPlan plan,
                                                                    Logger logger);
    /// Ends the connections; nothing is being asked any more.
    ~GridOnThread() override;

    [[nodiscard]] std::string_view name() const override { return "grid"; }

    [[nodiscard]] bool outranks_leases() const override { return true; }

    [[nodiscard]] net::Awaitable<std::expected<auth::Identity, auth::Refusal>> authenticate(
        const auth::Credential& credential, const auth::ConnectionFacts& facts,
        TimePoint deadline) override;

    [[nodiscard]] net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize(
        const auth::Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) override;

  private:
    GridOnThread() : thread_(1, "grid") {}

    net::WorkerPool thread_;
    std::unique_ptr<auth::grid::ChainClient> chain_;
    std::unique_ptr<auth::grid::GridAuthenticator> grid_;
};

}  // namespace diglett::app
