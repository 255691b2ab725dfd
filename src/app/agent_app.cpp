#include "app/agent_app.hpp"

#include <sys/stat.h>

#include <random>
#include <utility>

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "agent/agent.hpp"
#include "app/agent_config.hpp"
#include "app/agent_credential.hpp"
#include "app/exit.hpp"
#include "app/limits.hpp"
#include "app/program.hpp"
#include "app/terminal_question.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "base/memory_limit.hpp"
#include "base/state_dir.hpp"
#include "base/version.hpp"
#include "net/descriptor_limit.hpp"
#include "net/task_group.hpp"

namespace diglett::app {

namespace {

constexpr std::string_view kKeyFile = "agent.key";

/// The agent's key from the state directory, made at the first start.
Result<crypto::AgentKey> load_agent_key(const StateDir* state) {
    if (state == nullptr) {
        return crypto::AgentKey::generate();
    }
    // A key that is there is only read, which needs no lock; not to have one is a matter of a first
    // start beside another's.
    const auto lock =
        may_exist(state->file(kKeyFile)) ? std::nullopt : std::optional(state->lock(kLockPatience));
    if (lock && !*lock && !may_exist(state->file(kKeyFile))) {
        return forward_error(*lock);
    }
    const auto path = state->file(kKeyFile);
    if (may_exist(path)) {
        const auto text = read_private_file(path, kMaxKeyBytes);
        if (!text) {
            return forward_error(text);
        }
        auto key = crypto::AgentKey::parse(text->expose_secret());
        return key ? std::move(key)
                   : fail(Errc::CorruptState,
                          fmt::format("key file '{}': {}; put the right one there, or delete it: "
                                      "names that belong to the old key stay with that",
                                      escape(path.native()), key.error().text));
    }
    auto key = crypto::AgentKey::generate();
    const auto written = write_file_atomically(path, key.to_text() + "\n", 0600);
    if (!written) {
        return forward_error(written);
    }
    return key;
}

Result<crypto::ClientTls> load_tls(const AgentConfig& config) {
    crypto::ClientTls::Options options;
    options.system_roots = config.ca.empty();
    if (!config.ca.empty()) {
        auto pem = read_file(config.ca, kMaxCaBytes);
        if (!pem) {
            return forward_error(pem);
        }
        options.ca_pem = std::move(*pem);
    }
    return crypto::ClientTls::create(options);
}

/// Others on this machine can take the credential.
void warn_about_readers(const std::string& token_file, const Logger& logger) {
    struct stat facts{};
    if (!token_file.empty() && ::stat(token_file.c_str(), &facts) == 0 &&
        (facts.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        logger.warn(
            "--token-file '{}' can be read by group or others (mode {:04o}); mend: "
            "chmod 600",
            escape(token_file), facts.st_mode & 07777U);
    }
}

/// A second signal ends the program as if it had never been listened to, whatever it waits for.
void stop_listening(net::asio::signal_set& signals) {
    signals.cancel();
    signals.clear();
}

RandomUnit system_random() {
    return [engine = std::mt19937_64(std::random_device{}())]() mutable {
        return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
    };
}

net::Awaitable<void> run_and_keep(agent::Agent& agent, std::optional<Error>& end,
                                  net::asio::signal_set& signals) {
    auto running = agent.run();
    end = co_await std::move(running);
    stop_listening(signals);
}

void stop_on_signal(net::asio::signal_set& signals, agent::Agent& agent, net::TaskGroup& tasks,
                    const Logger& logger, bool second) {
    signals.async_wait([&, second](auto error, int) {
        if (error)
            return;
        if (second) {
            agent.cut_short();
            return;
        }
        logger.info("stopping");
        stop_on_signal(signals, agent, tasks, logger, true);
        if (!agent.stop()) {
            tasks.cancel();
            stop_listening(signals);
        }
    });
}

int start(const AgentConfig& config, const AgentPlan& plan, const Logger& logger) {
    if (const auto limit = net::raise_descriptor_limit(); !limit) {
        return fail_with(limit.error(), logger);
    }
    std::optional<std::string> flag;
    if (!config.state_dir.empty()) {
        flag = config.state_dir;
    }
    const auto state = open_state_dir(state_places_of_process(flag), "agent", logger);
    if (!state) {
        return fail_with(state.error(), logger);
    }
    const StateDir* const folder = *state ? &**state : nullptr;
    auto key = load_agent_key(folder);
    if (!key) {
        return fail_with(key.error(), logger);
    }
    auto known = agent::KnownGateways::load(folder);
    if (!known) {
        return fail_with(known.error(), logger);
    }
    auto tls = load_tls(config);
    if (!tls) {
        return fail_with(tls.error(), logger);
    }
    warn_about_readers(config.token_file, logger);
    auto services = plan.services;
    for (auto& service : services) {
        if (service.name.empty()) {
            service.name = derived_name(crypto::fingerprint(key->public_key()),
                                        net::to_string(service.backend));
        }
    }
    const AgentCredential credential(config, plan.grid, services);
    if (const auto first = credential.current(); !first) {
        return fail_with(first.error(), logger);
    }
    net::asio::io_context context(1);
    net::asio::signal_set signals(context, SIGINT, SIGTERM);
    net::TaskGroup tasks(context.get_executor());
    std::optional<Error> end;
    agent::Agent agent(
        {.gateway = plan.gateway,
         .services = std::move(services),
         .protocol = static_cast<int>(config.protocol),
         .once = config.once,
         .takeover = config.takeover,
         .software = fmt::format("diglett {}", base::kVersion),
         .memory_budget = default_memory_budget(memory_limit_bytes())},
        {.tls = std::move(*tls),
         .trust = agent::GatewayTrust(plan.trust, *known, terminal_question(), logger),
         .key = *key,
         .credential = [&credential] { return credential.current(); },
         .has_other_credential =
             [&credential](const Secret& used) { return credential.has_changed(used); },
         .on_public_url = [](const std::string& url) { print_out(url + "\n"); },
         .random = system_random()},
        context.get_executor(), logger);
    stop_on_signal(signals, agent, tasks, logger, false);
    tasks.spawn(run_and_keep(agent, end, signals));
    context.run();
    return end ? fail_with(*end, logger) : 0;
}

std::string print_services(const AgentPlan& plan) {
    std::string text;
    for (const auto& service : plan.services) {
        text +=
            fmt::format("\n[[service]]\nbackend = {}\nkind = {}\n",
                        toml_quoted(net::to_string(service.backend)), toml_quoted(service.kind));
        if (!service.name.empty()) {
            text += fmt::format("name = {}\n", toml_quoted(service.name));
        }
    }
    return text;
}

Result<AgentPlan> plan_of(const AgentConfig& config, const Settings& settings) {
    return plan_agent(config, settings.services());
}

std::string print_all(const Settings& settings, const AgentPlan& plan) {
    return settings.print({"name"}) + print_services(plan);
}

Status check_files(const AgentConfig& config, const AgentPlan& plan, const Logger& /*logger*/) {
    if (const auto tls = load_tls(config); !tls) {
        return forward_error(tls);
    }
    const auto credential = AgentCredential(config, plan.grid, plan.services).current();
    return credential ? Status{} : forward_error(credential);
}

}  // namespace

int run_agent(int argc, const char* const* argv) {
    const Program<AgentConfig, AgentPlan> program{
        .name = "diglett",
        .description = "The agent: makes a workload reachable through a gateway",
        .plan = plan_of,
        .print = print_all,
        .check = check_files,
        .start = start};
    return run_program(program, argc, argv);
}

}  // namespace diglett::app
