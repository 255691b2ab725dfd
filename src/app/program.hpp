#pragma once

#include <string>

#include <fmt/format.h>

#include "app/exit.hpp"
#include "app/settings.hpp"
#include "base/log.hpp"
#include "base/process.hpp"
#include "base/version.hpp"

namespace diglett::app {

/// What one of the programs makes of its settings. `Config` is what was written (with declare()),
/// `Plan` the same understood.
template <class Config, class Plan>
struct Program {
    std::string name;
    std::string description;
    Result<Plan> (*plan)(const Config& config, const Settings& settings);
    std::string (*print)(const Settings& settings, const Plan& plan);  ///< For print-config.
    /// For check: what the configuration names; may print what it finds.
    Status (*check)(const Config& config, const Plan& plan, const Logger& logger);
    int (*start)(const Config& config, const Plan& plan, const Logger& logger);
};

/// From the command line to the exit code.
template <class Config, class Plan>
int run_program(const Program<Config, Plan>& program, int argc, const char* const* argv) {
    prepare_process();
    Settings settings(program.name, program.description,
                      fmt::format("{} {}", program.name, base::kVersion));
    Config config;
    config.declare(settings);
    const auto action = settings.load(argc, argv);
    const Logger logger = open_log(settings.log_options());
    if (!action) {
        return fail_with(action.error(), logger);
    }
    if (*action == Action::ShowText) {
        print_out(settings.shown_text());
        return 0;
    }
    const auto plan = program.plan(config, settings);
    if (!plan) {
        return fail_with(plan.error(), logger);
    }
    if (*action == Action::PrintConfig) {
        print_out(program.print(settings, *plan));
        return 0;
    }
    if (*action == Action::Check) {
        if (const auto checked = program.check(config, *plan, logger); !checked) {
            return fail_with(checked.error(), logger);
        }
        print_out("the configuration is valid\n");
        return 0;
    }
    return program.start(config, *plan, logger);
}

}  // namespace diglett::app
