#include "app/gateway_app.hpp"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "app/exit.hpp"
#include "app/gateway_config.hpp"
#include "app/gateway_parts.hpp"
#include "app/program.hpp"
#include "base/memory_limit.hpp"
#include "base/state_dir.hpp"
#include "base/version.hpp"
#include "net/descriptor_limit.hpp"

namespace diglett::app {

namespace {

/// Serves until SIGINT or SIGTERM, then lets streams end; a second signal ends everything at once.
int serve(gateway::Gateway& gateway, const GatewayPlan& plan, const Logger& logger) {
    // Before anybody can know that we listen, and stop us.
    net::asio::io_context signals_context;
    net::asio::signal_set signals(signals_context, SIGINT, SIGTERM);
    const auto bound = gateway.start();
    if (!bound) {
        return fail_with(bound.error(), logger);
    }
    logger.info("listening on {}", net::to_string(*bound));
    signals.async_wait([](auto, int) {});
    signals_context.run();

    logger.info("stopping: open streams have {:g} s",
                std::chrono::duration<double>(plan.drain_timeout).count());
    signals.async_wait([&](auto error, int) {
        if (!error)
            gateway.cut_short();
    });
    signals_context.restart();
    std::thread second_signal([&] { signals_context.run(); });
    gateway.stop(Clock::now() + plan.drain_timeout);
    net::asio::post(signals_context, [&] { signals.cancel(); });
    second_signal.join();
    logger.info("stopped");
    return 0;
}

void warn_about_openness(const GatewayConfig& config, const GatewayPlan& plan,
                         const Logger& logger) {
    if (config.auth.empty()) {
        logger.info("no authenticator is configured: only agents on this machine are accepted");
    }
    if (std::find(plan.auth.begin(), plan.auth.end(), "open") != plan.auth.end()) {
        logger.warn("--auth open: every agent that reaches this port may register names");
    }
    if (overlaps_ephemeral_ports(plan.helper_ports)) {
        logger.warn(
            "--helper-ports {}: the system gives ports of that range to outgoing connections "
            "(net.ipv4.ip_local_port_range); names skip those that are in use",
            config.helper_ports.range);
    }
    if (config.accept_v1) {
        logger.warn("--accept-v1: protocol 1 protects neither tokens nor data");
    }
}

int start(const GatewayConfig& config, const GatewayPlan& plan, const Logger& logger) {
    const auto limit = net::raise_descriptor_limit();
    if (!limit) {
        return fail_with(limit.error(), logger);
    }
    logger.info("diglett-server {}: {} workers, {} descriptors", base::kVersion, plan.workers,
                *limit);
    std::optional<std::string> flag;
    if (!config.state_dir.empty()) {
        flag = config.state_dir;
    }
    const auto state = open_state_dir(state_places_of_process(flag), "gateway", logger);
    if (!state) {
        return fail_with(state.error(), logger);
    }
    std::optional<StateLock> lock;
    if (*state) {
        auto taken = (*state)->lock();
        if (!taken) {
            return fail_with(taken.error(), logger);
        }
        lock.emplace(std::move(*taken));
    }
    auto built = build_gateway_parts(config, plan, *state ? &**state : nullptr, logger);
    if (!built) {
        return fail_with(built.error(), logger);
    }
    warn_about_openness(config, plan, logger);
    gateway::Gateway gateway({.listen = plan.listen,
                              .workers = plan.workers,
                              .descriptor_limit = *limit,
                              .memory_budget = default_memory_budget(memory_limit_bytes()),
                              .accept_v1 = config.accept_v1,
                              .software = fmt::format("diglett {}", base::kVersion),
                              .helper_ports = {.low = plan.helper_ports.low,
                                               .high = plan.helper_ports.high,
                                               .rest = plan.helper_ports.rest},
                              .grace = plan.grace},
                             std::move(built->parts), logger);
    const int code = serve(gateway, plan, logger);
    if (built->grid) {
        built->grid->stop();
    }
    return code;
}

Result<GatewayPlan> plan_of(const GatewayConfig& config, const Settings& /*settings*/) {
    return plan_gateway(config);
}

std::string print_all(const Settings& settings, const GatewayPlan& /*plan*/) {
    return settings.print();
}

}  // namespace

int run_gateway(int argc, const char* const* argv) {
    const Program<GatewayConfig, GatewayPlan> program{
        .name = "diglett-server",
        .description = "The gateway: makes workloads behind NAT reachable by name",
        .plan = plan_of,
        .print = print_all,
        .check = check_gateway_parts,
        .start = start};
    return run_program(program, argc, argv);
}

}  // namespace diglett::app
