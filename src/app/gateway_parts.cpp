#include "app/gateway_parts.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "app/grid_check.hpp"
#include "app/limits.hpp"
#include "auth/loopback_authenticator.hpp"
#include "auth/open_authenticator.hpp"
#include "auth/token_file_authenticator.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "registrar/log_registrar.hpp"
#include "registrar/traefik/traefik_registrar.hpp"

namespace diglett::app {

namespace {

constexpr std::string_view kKeyFile = "identity.pem";
constexpr std::string_view kLeaseFile = "leases.json";
constexpr std::string_view kPortFile = "ports.json";

/// The gateway's key from the state directory, made at the first start.
Result<crypto::IdentityKey> load_identity_key(const StateDir* state) {
    if (state == nullptr) {
        return crypto::IdentityKey::generate();
    }
    const auto path = state->file(kKeyFile);
    if (may_exist(path)) {
        const auto pem = read_private_file(path, kMaxPemBytes);
        if (!pem) {
            return forward_error(pem);
        }
        auto key = crypto::IdentityKey::from_pem(pem->expose_secret());
        return key ? std::move(key)
                   : fail(Errc::CorruptState,
                          fmt::format("key file '{}': {}; put the right one there, or delete it: "
                                      "agents that know the old key will refuse the new one",
                                      escape(path.native()), key.error().text));
    }
    auto key = crypto::IdentityKey::generate();
    const auto written = write_file_atomically(path, key.to_pem(), 0600);
    if (!written) {
        return forward_error(written);
    }
    return key;
}

Result<std::string> load_certificate(const GatewayConfig& config) {
    return config.identity_cert.empty() ? Result<std::string>("")
                                        : read_file(config.identity_cert, kMaxPemBytes);
}

/// @param grid what `--auth grid` asks; null: `check`, which leaves that out.
Result<std::vector<std::unique_ptr<auth::Authenticator>>> choose_authenticators(
    const GatewayConfig& config, const GatewayPlan& plan, GridThread* grid) {
    std::vector<std::unique_ptr<auth::Authenticator>> chosen;
    for (const auto& name : plan.auth) {
        if (name == "open") {
            chosen.push_back(std::make_unique<auth::OpenAuthenticator>());
        } else if (name == "loopback") {
            chosen.push_back(std::make_unique<auth::LoopbackAuthenticator>());
        } else if (name == "grid") {
            if (grid != nullptr) {
                chosen.push_back(grid->authenticator());
            }
        } else {
            auto table = auth::load_token_file(config.tokens_file);
            if (!table) {
                return forward_error(table);
            }
            chosen.push_back(std::make_unique<auth::TokenFileAuthenticator>(std::move(*table)));
        }
    }
    return chosen;
}

struct Registrars {
    std::vector<registrar::RegistrarSet::Member> members;
    std::vector<gateway::Gateway::LeftoverPort> leftovers;
};

/// Removes what an earlier run left published, too.
Result<Registrars> choose_registrars(const GatewayPlan& plan, const Logger& logger) {
    Registrars chosen;
    if (plan.traefik) {
        auto traefik = registrar::traefik::TraefikRegistrar::open(plan.traefik->options,
                                                                  plan.traefik->directory, logger);
        if (!traefik) {
            return forward_error(traefik);
        }
        chosen.members.push_back(
            {.registrar = std::move(traefik->registrar), .optional = plan.traefik->is_optional});
        for (auto& leftover : traefik->leftovers) {
            if (leftover.port) {
                chosen.leftovers.push_back({.name = leftover.name, .port = *leftover.port});
            }
        }
    }
    chosen.members.push_back({.registrar = std::make_unique<registrar::LogRegistrar>(logger)});
    return chosen;
}

Result<routing::LeaseBook> open_leases(const GatewayConfig& config, const StateDir* state,
                                       const Logger& logger) {
    routing::LeaseBook::Options options;
    options.logger = logger;
    if (state != nullptr) {
        options.file = state->file(kLeaseFile);
    }
    const auto now = std::chrono::system_clock::now();
    return config.reset_leases ? routing::LeaseBook::reset(std::move(options), now)
                               : routing::LeaseBook::open(std::move(options), now);
}

}  // namespace

Result<GatewayParts> build_gateway_parts(const GatewayConfig& config, const GatewayPlan& plan,
                                         const StateDir* state, const Logger& logger) {
    const auto key = load_identity_key(state);
    if (!key) {
        return forward_error(key);
    }
    const auto certificate = load_certificate(config);
    if (!certificate) {
        return forward_error(certificate);
    }
    auto tls = crypto::ServerTls::create(*key, *certificate);
    if (!tls) {
        return forward_error(tls);
    }
    std::unique_ptr<GridThread> grid;
    if (plan.grid) {
        auto opened = GridThread::open(*plan.grid, logger);
        if (!opened) {
            return forward_error(opened);
        }
        grid = std::move(*opened);
    }
    auto authenticators = choose_authenticators(config, plan, grid.get());
    if (!authenticators) {
        return forward_error(authenticators);
    }
    auto policy = routing::NamePolicy::create(config.allow_names);
    if (!policy) {
        return forward_error(policy);
    }
    auto leases = open_leases(config, state, logger);
    if (!leases) {
        return forward_error(leases);
    }
    auto ports = state == nullptr ? routing::PortFile()
                                  : routing::PortFile::open(state->file(kPortFile), logger);
    if (!ports) {
        return forward_error(ports);
    }
    auto registrars = choose_registrars(plan, logger);  // the last: it removes what was left
    if (!registrars) {
        return forward_error(registrars);
    }
    logger.info("the gateway's key: agents may pin it with --pin {}", key->pin().to_text());
    return GatewayParts{
        .grid = std::move(grid),
        .parts = {.tls = std::move(*tls),
                  .authenticators = auth::AuthenticatorChain(std::move(*authenticators), logger),
                  .registrars = registrar::RegistrarSet(std::move(registrars->members), logger),
                  .leases = std::move(*leases),
                  .ports = std::move(*ports),
                  .name_policy = std::move(*policy),
                  .leftovers = std::move(registrars->leftovers)}};
}

Status check_gateway_parts(const GatewayConfig& config, const GatewayPlan& plan,
                           const Logger& logger) {
    if (const auto certificate = load_certificate(config); !certificate) {
        return forward_error(certificate);
    }
    if (const auto chosen = choose_authenticators(config, plan, nullptr); !chosen) {
        return forward_error(chosen);
    }
    if (const auto policy = routing::NamePolicy::create(config.allow_names); !policy) {
        return forward_error(policy);
    }
    if (plan.traefik) {
        const auto usable = registrar::traefik::TraefikRegistrar::check(plan.traefik->options,
                                                                        plan.traefik->directory);
        if (!usable) {
            return forward_error(usable);
        }
    }
    if (!plan.grid) {
        return {};
    }
    return config.is_offline ? check_grid_authorities(*plan.grid)
                             : check_grid_endpoints(*plan.grid, logger);
}

}  // namespace diglett::app
