#include "gateway/gateway.hpp"

#include <algorithm>
#include <filesystem>
#include <future>
#include <iterator>
#include <system_error>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "gateway/limits.hpp"

namespace diglett::gateway {

/// One worker with what its sessions share.
struct Gateway::Worker {
    explicit Worker(net::Executor on) : executor(on), resources(on), tasks(on) {}

    net::Executor executor;
    tunnel::WorkerResources resources;
    net::TaskGroup tasks;
};

namespace {

/// Runs `act` on `executor` and waits for it; the caller is no worker.
template <class Act>
void run_and_wait(net::Executor executor, Act act) {
    const auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    net::asio::post(executor, [&act, done] {
        act();
        done->set_value();
    });
    future.wait();
}

/// Waits until all tasks of `tasks` have ended; the caller is no worker.
void join_and_wait(net::TaskGroup& tasks) {
    auto joining = tasks.join();
    net::asio::co_spawn(tasks.executor(), std::move(joining), net::asio::use_future).wait();
}

// The coroutines of a session as tasks that keep it alive.
net::Awaitable<void> run_session(std::shared_ptr<Session> session) {
    auto running = session->run();
    co_await std::move(running);
}

net::Awaitable<void> drain_session(std::shared_ptr<Session> session, TimePoint deadline) {
    wire::Refusal why{.code = wire::RefusalCode::Shutdown, .text = "the gateway stops"};
    auto draining = session->drain(std::move(why), deadline);
    co_await std::move(draining);
}

std::size_t reserved_of(std::size_t descriptor_limit) {
    return std::min(kReservedDescriptors, descriptor_limit / 4);
}

/// Those of the process, but for the one that counting takes; 0 when they cannot be seen.
std::size_t open_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator folder("/proc/self/fd", error);
    const auto count = std::distance(begin(folder), std::filesystem::directory_iterator());
    return count > 1 ? static_cast<std::size_t>(count) - 1 : 0;
}

}  // namespace

Gateway::Gateway(Options options, Parts parts, Logger logger)
    : options_(std::move(options)),
      logger_(std::move(logger)),
      visitor_places_(options_.descriptor_limit - reserved_of(options_.descriptor_limit),
                      reserved_of(options_.descriptor_limit)),
      budget_(options_.memory_budget),
      pauses_(std::make_shared<net::PauseReport>([logger = logger_](std::string_view why) {
          logger.warn("new agents and visitors have to wait: {}", why);
      })),
      visitor_pauses_(std::make_shared<net::PauseReport>([logger = logger_](std::string_view why) {
          logger.warn("{}: visitors have to wait: {}", dig_code(Errc::LimitReached), why);
      })),
      control_(1, "control"),
      pool_(options_.workers, "worker"),
      helper_ports_(options_.helper_ports, visitor_places_, logger_, std::move(parts.ports)),
      names_(std::make_unique<NameService>(
          NameService::Options{
              .name_policy = std::move(parts.name_policy),
              .max_sessions = std::min(kMaxSessions, options_.descriptor_limit / 2),
              .grace = options_.grace},
          NameService::Parts{.authenticators = std::move(parts.authenticators),
                             .registrars = std::move(parts.registrars),
                             .leases = std::move(parts.leases)},
          helper_ports_, control_.executor(0), logger_)),
      leftovers_(std::move(parts.leftovers)),
      tls_(std::move(parts.tls)),
      admission_(
          {.max_total = kMaxUnauthenticated, .max_per_source = kMaxUnauthenticatedPerSource}),
      accepting_(std::make_unique<net::TaskGroup>(control_.executor(0))) {
    for (std::size_t i = 0; i < pool_.size(); ++i) {
        workers_.push_back(std::make_unique<Worker>(pool_.executor(i)));
    }
}

Gateway::~Gateway() {
    pool_.stop();
    pool_.join();
    control_.stop();
    control_.join();
}

Result<net::Endpoint> Gateway::start() {
    std::optional<Result<net::Endpoint>> bound;
    run_and_wait(control_.executor(0), [&] {
        visitor_places_.set_aside(open_descriptors() + 1);  // and the listener's
        // Before anything can fail: whose ports they were is known only now.
        for (const auto& [name, port] : leftovers_) {
            helper_ports_.take_leftover(name, port);
        }
        helper_ports_.restore();
        net::Listener::Options listening;
        listening.pauses = pauses_;
        auto listener = net::Listener::open(control_.executor(0), options_.listen, listening);
        if (!listener) {
            bound.emplace(forward_error(listener));
            return;
        }
        listener_.emplace(std::move(*listener));
        bound.emplace(listener_->local_endpoint());
        names_->start();
        accepting_->spawn(accept_agents());
    });
    return *bound;
}

net::Awaitable<void> Gateway::accept_agents() {
    while (true) {
        auto accepting = listener_->accept();
        const auto accepted = co_await std::move(accepting);
        if (!accepted) {
            co_return;
        }
        begin_session(accepted->fd);
    }
}

void Gateway::begin_session(int fd) {
    Worker& worker = *workers_[next_worker_++ % workers_.size()];
    const SessionNumber number = ++last_session_;
    const auto control = control_.executor(0);

    const auto weak = std::make_shared<std::weak_ptr<Session>>();
    const auto evict = [weak, executor = worker.executor] {
        if (const auto session = weak->lock()) {
            net::asio::post(executor, [session] {
                session->stop(Error{Errc::LimitReached, "too many connections without login"});
            });
        }
    };
    net::Socket probe(worker.executor, fd);  // only to learn the source before the session exists
    const auto source = source_of(probe.remote_address());
    const auto ticket = admission_.enter(source, evict);
    auto login_complete = [this, ticket] { admission_.leave(ticket); };
    const SessionContext context{.names = *names_,
                                 .control = control,
                                 .tls = tls_,
                                 .accept_v1 = options_.accept_v1,
                                 .software = options_.software,
                                 .visitor_places = visitor_places_,
                                 .budget = budget_,
                                 .link = options_.link,
                                 .pauses = pauses_,
                                 .visitor_pauses = visitor_pauses_,
                                 .gone = [this](SessionNumber gone) { forget_session(gone); },
                                 .logger = logger_};
    auto session = std::make_shared<Session>(context, number, worker.resources, probe.release(),
                                             std::move(login_complete));
    *weak = session;
    sessions_.emplace(number, session);
    net::asio::post(worker.executor, [&worker, session = std::move(session)] {
        worker.tasks.spawn(run_session(session));
    });
}

void Gateway::forget_session(SessionNumber session) {
    names_->leave(session);
    sessions_.erase(session);
}

void Gateway::drain_sessions_of(Worker& worker, TimePoint deadline) {
    for (const auto& [number, weak] : sessions_) {
        const auto session = weak.lock();
        if (session && session->executor() == worker.executor) {
            net::asio::post(worker.executor, [&tasks = worker.tasks, session, deadline] {
                tasks.spawn(drain_session(session, deadline));
            });
        }
    }
}

void Gateway::stop(TimePoint deadline) {
    run_and_wait(control_.executor(0), [&] {
        listener_->close();
        accepting_->cancel();
        names_->stop();
        for (const auto& worker : workers_) {
            drain_sessions_of(*worker, deadline);
        }
    });
    join_and_wait(*accepting_);
    for (const auto& worker : workers_) {
        join_and_wait(worker->tasks);
    }
    join_and_wait(names_->tasks());
    run_and_wait(control_.executor(0), [&] { names_.reset(); });  // last unregister lines
}

void Gateway::cut_short() {
    net::asio::post(control_.executor(0), [this] {
        for (const auto& [number, weak] : sessions_) {
            if (const auto session = weak.lock()) {
                net::asio::post(session->executor(), [session] {
                    session->stop(Error{Errc::Cancelled, "stopped at once"});
                });
            }
        }
    });
}

}  // namespace diglett::gateway
