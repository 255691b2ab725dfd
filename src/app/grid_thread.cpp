#include "app/grid_thread.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "app/limits.hpp"
#include "net/call_on.hpp"
#include "net/sleep.hpp"

namespace diglett::app {

namespace {

auth::Refusal stopping() {
    return {.code = wire::RefusalCode::Undecided, .text = "the gateway stops"};
}

/// Ends what is under way, and waits for it.
net::Awaitable<void> end_all(auth::grid::ChainClient& chain, const std::size_t& asked) {
    auto ending = chain.stop();
    co_await std::move(ending);
    while (asked > 0) {
        auto pause = net::sleep_until(Clock::now() + kStopStep);
        co_await std::move(pause);
    }
}

/// Counts a question for as long as it is under way.
template <class T>
net::Awaitable<T> counted(net::Awaitable<T> work, std::size_t& asked) {
    ++asked;
    auto answer = co_await std::move(work);
    --asked;
    co_return answer;
}

}  // namespace

/// Hands the questions over to the thread.
class GridThread::Remote final : public auth::Authenticator {
  public:
    explicit Remote(GridThread& owner) : owner_(owner) {}

    [[nodiscard]] std::string_view name() const override { return owner_.grid_->name(); }

    [[nodiscard]] bool outranks_leases() const override { return owner_.grid_->outranks_leases(); }

    [[nodiscard]] net::Awaitable<std::expected<auth::Identity, auth::Refusal>> authenticate(
        const auth::Credential& credential, const auth::ConnectionFacts& facts,
        TimePoint deadline) override {
        if (owner_.stopped_) {
            co_return std::unexpected(stopping());
        }
        auto work = owner_.grid_->authenticate(credential, facts, deadline);
        auto asking =
            net::call_on(owner_.thread_.executor(0), counted(std::move(work), owner_.asked_));
        co_return co_await std::move(asking);
    }

    [[nodiscard]] net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize(
        const auth::Identity& identity, const std::string& name, const std::string& kind,
        TimePoint deadline) override {
        if (owner_.stopped_) {
            co_return std::unexpected(stopping());
        }
        auto work = owner_.grid_->authorize(identity, name, kind, deadline);
        auto asking =
            net::call_on(owner_.thread_.executor(0), counted(std::move(work), owner_.asked_));
        co_return co_await std::move(asking);
    }

  private:
    GridThread& owner_;
};

Result<std::unique_ptr<GridThread>> GridThread::open(GatewayGridPlan plan, const Logger& logger) {
    std::unique_ptr<GridThread> made(new GridThread());
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

GridThread::~GridThread() {
    stop();
}

std::unique_ptr<auth::Authenticator> GridThread::authenticator() {
    return std::make_unique<Remote>(*this);
}

void GridThread::stop() {
    if (!stopped_.exchange(true) && chain_) {
        auto ending = end_all(*chain_, asked_);
        net::asio::co_spawn(thread_.executor(0), std::move(ending), net::asio::use_future).wait();
    }
    thread_.stop();
    thread_.join();
}

}  // namespace diglett::app
