#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/comeback.hpp"
#include "agent/gateway_trust.hpp"
#include "agent/service.hpp"
#include "agent/session.hpp"
#include "base/budget.hpp"
#include "base/log.hpp"
#include "base/secret.hpp"
#include "crypto/agent_key.hpp"
#include "crypto/tls_context.hpp"
#include "net/endpoint.hpp"
#include "net/event.hpp"
#include "tunnel/worker_resources.hpp"

namespace diglett::agent {

/// The program beside the workload: connects to the gateway, registers its services, serves, and
/// comes back for ever. Lives on one worker.
class Agent {
  public:
    struct Options {
        net::Endpoint gateway;
        std::vector<Service> services;    ///< At least one; exactly one with protocol 1.
        int protocol = 2;                 ///< 1 or 2; never changed by itself.
        bool once = false;                ///< End instead of trying again.
        bool takeover = false;            ///< Take names from a live agent of the same identity.
        std::string software;             ///< For Hello.
        std::uint64_t memory_budget = 0;  ///< Bytes that streams may hold in all; > 0.
    };

    struct Parts {
        crypto::ClientTls tls;
        GatewayTrust trust;
        crypto::AgentKey key;
        /// Asked before each connect, so that a token file may change. An error ends the agent at
        /// the first connect only: the file may be about to be replaced.
        std::function<Result<Secret>()> credential;
        /// Whether another credential than `used`, which the gateway calls expired, is there by
        /// now: then the agent tries again. May be empty: never.
        std::function<bool(const Secret& used)> has_other_credential{};
        std::function<void(const std::string& url)> on_public_url;
        RandomUnit random;
    };

    Agent(Options options, Parts parts, net::Executor executor, Logger logger);

    /// Runs until stop() or an error that no retry mends. @return that error, none after stop().
    [[nodiscard]] net::Awaitable<std::optional<Error>> run();

    /// Orderly stop: open streams get a moment. Twice is harmless.
    /// @return whether a session is ending now, so that run() will return; otherwise the caller
    /// cancels the task of run(), which waits for the world.
    bool stop();

    /// After stop(): open streams are reset, the gateway is not waited for.
    void cut_short();

  private:
    [[nodiscard]] net::Awaitable<SessionEnd> attempt();
    [[nodiscard]] net::Awaitable<SessionEnd> open_session(net::Socket carrier, Secret token);
    [[nodiscard]] net::Awaitable<SessionEnd> run_session(net::Socket carrier,
                                                         std::unique_ptr<crypto::Channel> channel,
                                                         crypto::SecureChannel* secure,
                                                         Secret token);
    [[nodiscard]] net::Awaitable<void> pause_before_retry(const SessionEnd& end);
    [[nodiscard]] bool is_worth_a_try(const SessionEnd& end) const;
    void announce(const Service& service, const std::string& url);
    void drop_services(const std::set<const Service*>& given_up);

    Options options_;
    Parts parts_;
    Logger logger_;
    MemoryBudget budget_;
    tunnel::WorkerResources resources_;
    net::Event stop_requested_;
    Instance instance_{};
    Comeback comeback_;
    std::unique_ptr<Session> session_;
    std::optional<Secret> shown_;  ///< The credential of the last attempt.
    bool stopping_ = false;
};

}  // namespace diglett::agent
