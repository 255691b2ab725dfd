#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "crypto/tls_context.hpp"
#include "gateway/admission.hpp"
#include "gateway/helper_ports.hpp"
#include "gateway/limits.hpp"
#include "gateway/name_service.hpp"
#include "gateway/session.hpp"
#include "gateway/visitor_places.hpp"
#include "net/endpoint.hpp"
#include "net/listener.hpp"
#include "net/task_group.hpp"
#include "net/worker_pool.hpp"
#include "tunnel/worker_resources.hpp"

namespace diglett::gateway {

/// The public process: accepts agents, spreads their sessions over the workers, and ends them in
/// order. Built by main with its plug points; see docs/architecture.md for threads and shutdown.
class Gateway {
  public:
    struct Options {
        net::Endpoint listen{.host = "0.0.0.0", .port = 20000};
        std::size_t workers = 1;           ///< 1 to 1,024
        std::size_t descriptor_limit = 0;  ///< Of this process, > 0; bounds visitors and names.
        std::uint64_t memory_budget = 0;   ///< Bytes that streams may hold in all; > 0.
        bool accept_v1 = false;
        std::string software;  ///< For Hello.
        HelperPorts::Options helper_ports{};
        Duration grace = kNameGrace;  ///< Of names whose link was lost; 0: none.
        mux::Link::Options link{};  ///< As the links of protocol 2 begin; role and budget are ours.
    };

    /// Where visitors of a name may still be led from outside.
    struct LeftoverPort {
        std::string name;
        std::uint16_t port;
    };

    /// The plug points and what main has read from the state directory.
    struct Parts {
        crypto::ServerTls tls;
        auth::AuthenticatorChain authenticators;
        registrar::RegistrarSet registrars;
        routing::LeaseBook leases;
        routing::PortFile ports{};
        routing::NamePolicy name_policy;
        std::vector<LeftoverPort> leftovers{};  ///< Of an earlier run; nobody else gets them.
    };

    Gateway(Options options, Parts parts, Logger logger);
    /// stop() must have returned, or start() not have succeeded.
    ~Gateway();

    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    /// Keeps the ports of before from others, binds, and begins to accept. Any thread, once.
    /// @return the address really bound; AddressInUse.
    [[nodiscard]] Result<net::Endpoint> start();

    /// Stops accepting, tells agents, lets streams end until `deadline`, ends the sessions and the
    /// threads. Blocks the caller, which is no worker. cut_short() makes it hurry.
    void stop(TimePoint deadline);

    /// Ends all sessions at once; from any thread, also while stop() waits.
    void cut_short();

  private:
    struct Worker;

    [[nodiscard]] net::Awaitable<void> accept_agents();
    void begin_session(int fd);
    void forget_session(SessionNumber session);
    void drain_sessions_of(Worker& worker, TimePoint deadline);

    Options options_;
    Logger logger_;
    VisitorPlaces visitor_places_;
    MemoryBudget budget_;
    std::shared_ptr<net::PauseReport> pauses_;  ///< For agents' and visitors' listeners.
    std::shared_ptr<net::PauseReport> visitor_pauses_;
    net::WorkerPool control_;
    net::WorkerPool pool_;
    std::vector<std::unique_ptr<Worker>> workers_;
    HelperPorts helper_ports_;
    std::unique_ptr<NameService> names_;
    std::vector<LeftoverPort> leftovers_;  ///< Until start().
    crypto::ServerTls tls_;
    // On the control executor:
    Admission admission_;
    std::unique_ptr<net::TaskGroup> accepting_;
    std::optional<net::Listener> listener_;
    SessionNumber last_session_ = 0;
    std::size_t next_worker_ = 0;
    std::unordered_map<SessionNumber, std::weak_ptr<Session>> sessions_;
};

}  // namespace diglett::gateway
