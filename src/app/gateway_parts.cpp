#include "app/gateway_parts.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "app/limits.hpp"
#include "auth/loopback_authenticator.hpp"
#include "auth/open_authenticator.hpp"
#include "auth/token_file_authenticator.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "registrar/log_registrar.hpp"

namespace diglett::app {

namespace {

constexpr std::string_view kKeyFile = "identity.pem";
constexpr std::string_view kLeaseFile = "leases.json";

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

Result<std::vector<std::unique_ptr<auth::Authenticator>>> choose_authenticators(
    const GatewayConfig& config, const GatewayPlan& plan) {
    std::vector<std::unique_ptr<auth::Authenticator>> chosen;
    for (const auto& name : plan.auth) {
        if (name == "open") {
            chosen.push_back(std::make_unique<auth::OpenAuthenticator>());
        } else if (name == "loopback") {
            chosen.push_back(std::make_unique<auth::LoopbackAuthenticator>());
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

Result<gateway::Gateway::Parts> build_gateway_parts(const GatewayConfig& config,
                                                    const GatewayPlan& plan, const StateDir* state,
                                                    const Logger& logger) {
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
    auto authenticators = choose_authenticators(config, plan);
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
    std::vector<std::unique_ptr<registrar::Registrar>> registrars;
    registrars.push_back(std::make_unique<registrar::LogRegistrar>(logger));
    logger.info("the gateway's key: agents may pin it with --pin {}", key->pin().to_text());
    return gateway::Gateway::Parts{
        .tls = std::move(*tls),
        .authenticators = auth::AuthenticatorChain(std::move(*authenticators), logger),
        .registrars = registrar::RegistrarSet(std::move(registrars)),
        .leases = std::move(*leases),
        .name_policy = std::move(*policy)};
}

Status check_gateway_files(const GatewayConfig& config, const GatewayPlan& plan) {
    if (const auto certificate = load_certificate(config); !certificate) {
        return forward_error(certificate);
    }
    if (const auto chosen = choose_authenticators(config, plan); !chosen) {
        return forward_error(chosen);
    }
    if (const auto policy = routing::NamePolicy::create(config.allow_names); !policy) {
        return forward_error(policy);
    }
    return {};
}

}  // namespace diglett::app
