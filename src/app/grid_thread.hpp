#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "app/gateway_grid_config.hpp"
#include "auth/authenticator.hpp"
#include "auth/grid/chain/grid_authenticator.hpp"
#include "net/worker_pool.hpp"

namespace diglett::app {

/// The grid authenticator with its connections to the chain, on a thread of its own: reading large
/// answers holds up nothing else.
class GridThread {
  public:
    /// @return InvalidConfig, UnreadableFile for the CA file.
    [[nodiscard]] static Result<std::unique_ptr<GridThread>> open(GatewayGridPlan plan,
                                                                  const Logger& logger);
    ~GridThread();

    GridThread(const GridThread&) = delete;
    GridThread& operator=(const GridThread&) = delete;

    /// Asks this from any other thread; this outlives it.
    [[nodiscard]] std::unique_ptr<auth::Authenticator> authenticator();

    /// Answers all questions under way with Undecided, and those that come later. To be called
    /// while the workers that asked still run. Blocks.
    void stop();

  private:
    class Remote;

    GridThread() : thread_(1, "grid") {}

    net::WorkerPool thread_;
    std::unique_ptr<auth::grid::ChainClient> chain_;
    std::unique_ptr<auth::grid::GridAuthenticator> grid_;
    std::atomic<bool> stopped_ = false;
    std::size_t asked_ = 0;  ///< Under way; on the thread.
};

}  // namespace diglett::app
