#include "app/grid_on_thread.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "net/call_on.hpp"

namespace diglett::app {

Result<std::unique_ptr<GridOnThread>> GridOnThread::open(GatewayGridPlan plan, Logger logger) {
    std::unique_ptr<GridOnThread> made(new GridOnThread());
    const auto clocks = auth::grid::Clocks::real();
    auto chain = auth::grid::ChainClient::open(made->thread_.executor(0), std::move(plan.chain),
                                               clocks, logger);
    if (!chain) {
        return forward_error(chain);
    }
    made->chain_ = std::move(*chain);
    made->grid_ = std::make_unique<auth::grid::GridAuthenticator>(std::move(plan.grid),
                                                                  *made->chain_, clocks, logger);
    return made;
}

GridOnThread::~GridOnThread() {
    if (chain_) {
        auto stopping = chain_->stop();
        net::asio::co_spawn(thread_.executor(0), std::move(stopping), net::asio::use_future).wait();
    }
    thread_.stop();
    thread_.join();
}

net::Awaitable<std::expected<auth::Identity, auth::Refusal>> GridOnThread::authenticate(
    const auth::Credential& credential, const auth::ConnectionFacts& facts, TimePoint deadline) {
    auto asked =
        net::call_on(thread_.executor(0), grid_->authenticate(credential, facts, deadline));
    co_return co_await std::move(asked);
}

net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> GridOnThread::authorize(
    const auth::Identity& identity, const std::string& name, const std::string& kind,
    TimePoint deadline) {
    auto asked =
        net::call_on(thread_.executor(0), grid_->authorize(identity, name, kind, deadline));
    co_return co_await std::move(asked);
}

}  // namespace diglett::app
