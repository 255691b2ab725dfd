#include "app/grid_token_app.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "app/agent_grid.hpp"
#include "app/duration.hpp"
#include "app/program.hpp"

namespace diglett::app {

namespace {

struct GridTokenConfig {
    TwinKeyConfig key;
    std::vector<std::string> names;
    std::string audience;
    std::string lifetime = "5m";

    void declare(Settings& settings) {
        key.declare(settings);
        settings.list("-n,--name", names, "Name that the token is for (repeatable)", true);
        settings.text("--audience", audience, "Gateway that it is for: its host name");
        settings.text("--lifetime", lifetime, "How long it is valid");
    }
};

struct GridTokenPlan {
    TwinKey key;
    std::chrono::seconds lifetime{};
};

Result<GridTokenPlan> plan_of(const GridTokenConfig& config, const Settings& /*settings*/) {
    auto key = config.key.plan();
    if (!key) {
        return forward_error(key);
    }
    const auto lifetime = parse_duration("--lifetime", config.lifetime);
    if (!lifetime) {
        return forward_error(lifetime);
    }
    if (config.names.empty()) {
        return fail(Errc::InvalidUsage, "no name: give one with --name NAME");
    }
    if (config.audience.empty()) {
        return fail(Errc::InvalidUsage, "no gateway: give its host name with --audience HOST");
    }
    return GridTokenPlan{.key = std::move(*key),
                         .lifetime = std::chrono::floor<std::chrono::seconds>(*lifetime)};
}

Result<Secret> token_of(const GridTokenConfig& config, const GridTokenPlan& plan) {
    return mint_token(plan.key, config.names, config.audience, plan.lifetime);
}

Status check(const GridTokenConfig& config, const GridTokenPlan& plan, const Logger& /*logger*/) {
    const auto token = token_of(config, plan);
    return token ? Status{} : forward_error(token);
}

std::string print(const Settings& settings, const GridTokenPlan& /*plan*/) {
    return settings.print();
}

int start(const GridTokenConfig& config, const GridTokenPlan& plan, const Logger& logger) {
    const auto token = token_of(config, plan);
    if (!token) {
        return fail_with(token.error(), logger);
    }
    print_out(token->expose_secret());
    print_out("\n");
    return 0;
}

}  // namespace

int run_grid_token(int argc, const char* const* argv) {
    const Program<GridTokenConfig, GridTokenPlan> program{
        .name = "diglett grid-token",
        .description = "Prints a token of a ThreeFold twin, for --token-file of an agent",
        .plan = plan_of,
        .print = print,
        .check = check,
        .start = start};
    return run_program(program, argc, argv);
}

}  // namespace diglett::app
