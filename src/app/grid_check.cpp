#include "app/grid_check.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <fmt/format.h>

#include "app/exit.hpp"
#include "auth/grid/chain/node_stream.hpp"
#include "net/task_group.hpp"

namespace diglett::app {

namespace {

using Reports = std::vector<auth::grid::EndpointReport>;

net::Awaitable<void> ask(auth::grid::ChainClient& chain, Reports& reports) {
    auto asking = chain.check();
    reports = co_await std::move(asking);
    auto stopping = chain.stop();
    co_await std::move(stopping);
}

}  // namespace

Status check_grid_authorities(const GatewayGridPlan& plan) {
    const auto trust = auth::grid::NodeTrust::load(plan.chain.ca_file);
    return trust ? Status{} : forward_error(trust);
}

Status check_grid_endpoints(const GatewayGridPlan& plan, const Logger& logger) {
    net::asio::io_context context(1);
    auto chain = auth::grid::ChainClient::open(context.get_executor(), plan.chain,
                                               auth::grid::Clocks::real(), logger);
    if (!chain) {
        return forward_error(chain);
    }
    net::TaskGroup tasks(context.get_executor());
    Reports reports;
    tasks.spawn(ask(**chain, reports));
    context.run();
    bool is_usable = false;
    for (const auto& report : reports) {
        print_out(fmt::format("{} {}\n", report.usable ? "usable" : "unusable",
                              auth::grid::to_string(report)));
        is_usable = is_usable || report.usable;
    }
    return is_usable ? Status{}
                     : fail(Errc::InvalidConfig,
                            "no endpoint of the chain is usable; mend one as said, or leave this "
                            "out with --offline");
}

}  // namespace diglett::app
