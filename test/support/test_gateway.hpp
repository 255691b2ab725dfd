#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "auth/loopback_authenticator.hpp"
#include "crypto/identity_key.hpp"
#include "gateway/gateway.hpp"
#include "registrar/log_registrar.hpp"
#include "test/support/log_capture.hpp"

namespace diglett::test {

/// A whole gateway in this process, on a free port of 127.0.0.1: loopback-only, names `local`.
class TestGateway {
  public:
    explicit TestGateway(std::size_t workers = 1, bool accept_v1 = false,
                         std::unique_ptr<auth::Authenticator> authenticator =
                             std::make_unique<auth::LoopbackAuthenticator>(),
                         mux::Link::Options link = {}) {
        std::vector<std::unique_ptr<auth::Authenticator>> authenticators;
        authenticators.push_back(std::move(authenticator));
        std::vector<std::unique_ptr<registrar::Registrar>> registrars;
        registrars.push_back(std::make_unique<registrar::LogRegistrar>(log_.logger()));
        gateway_.emplace(
            gateway::Gateway::Options{.listen = {.host = "127.0.0.1", .port = 0},
                                      .workers = workers,
                                      .descriptor_limit = 4096,
                                      .memory_budget = 1 << 28,
                                      .accept_v1 = accept_v1,
                                      .software = "test",
                                      .link = link},
            gateway::Gateway::Parts{
                .tls = crypto::ServerTls::create(key()).value(),
                .authenticators = auth::AuthenticatorChain(std::move(authenticators), {}),
                .registrars = registrar::RegistrarSet(std::move(registrars)),
                .leases = {},
                .name_policy = {}},
            log_.logger());
        const auto bound = gateway_->start();
        if (!bound) {
            throw std::runtime_error(bound.error().text);
        }
        port_ = bound->port;
    }

    ~TestGateway() { stop(); }

    TestGateway(const TestGateway&) = delete;
    TestGateway& operator=(const TestGateway&) = delete;

    static const crypto::IdentityKey& key() {
        static const auto made = crypto::IdentityKey::generate();
        return made;
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] gateway::Gateway& gateway() { return *gateway_; }

    [[nodiscard]] const LogCapture& log() const { return log_; }

    /// Streams get `grace` to end. @return how long it took.
    Duration stop(Duration grace = std::chrono::seconds(0)) {
        if (!gateway_) {
            return {};
        }
        const TimePoint began = Clock::now();
        gateway_->stop(began + grace);
        gateway_.reset();
        return Clock::now() - began;
    }

  private:
    LogCapture log_;
    std::optional<gateway::Gateway> gateway_;
    std::uint16_t port_ = 0;
};

}  // namespace diglett::test
