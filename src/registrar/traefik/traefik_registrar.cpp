#include "registrar/traefik/traefik_registrar.hpp"

#include <atomic>
#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>

#include "net/event.hpp"
#include "net/timer.hpp"
#include "net/worker_pool.hpp"
#include "registrar/traefik/dynamic_config.hpp"
#include "registrar/traefik/limits.hpp"
#include "registrar/traefik/route_keeper.hpp"

namespace diglett::registrar::traefik {

/// A claim under way: begun on the control executor, decided on the file thread.
struct TraefikRegistrar::Ticket {
    explicit Ticket(net::Executor control) : executor(control), decided(control) {}

    net::Executor executor;
    net::Event decided;
    Status result;                        ///< Set before `decided`.
    std::atomic<bool> abandoned = false;  ///< Nobody waits any more.
};

/// The keeper with the thread that runs it.
class TraefikRegistrar::FileThread {
  public:
    FileThread(RouteDirectory directory, const Logger& logger)
        : keeper_(std::move(directory), logger), timer_(executor()) {
        net::asio::post(executor(), [this] { arm(); });
    }

    /// Removes all routes, then ends the thread.
    ~FileThread() {
        std::promise<void> ended;
        net::asio::post(executor(), [this, &ended] {
            keeper_.end_all();
            timer_.cancel();
            ended.set_value();
        });
        ended.get_future().wait();
        pool_.stop();
        pool_.join();
    }

    FileThread(const FileThread&) = delete;
    FileThread& operator=(const FileThread&) = delete;

    /// @return false, with nothing done, when too much waits for the disk.
    [[nodiscard]] bool begin(RouteKeeper::Claim claim, std::shared_ptr<Ticket> ticket) {
        if (waiting_ >= kMaxWaitingWork) {
            return false;
        }
        ++waiting_;
        net::asio::post(executor(), [this, claim = std::move(claim), ticket]() mutable {
            --waiting_;
            if (!ticket->abandoned) {
                ticket->result = keeper_.begin(std::move(claim));
            }
            net::asio::post(ticket->executor, [ticket] { ticket->decided.notify(); });
        });
        return true;
    }

    /// Always done: there is at most one for each claim.
    void end(std::string name, Generation generation) {
        ++waiting_;
        net::asio::post(executor(), [this, name = std::move(name), generation] {
            --waiting_;
            keeper_.end(name, generation);
        });
    }

  private:
    net::Executor executor() { return pool_.executor(0); }

    void arm() {
        timer_.expires_after(kTick);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) {
                keeper_.tick();
                arm();
            }
        });
    }

    RouteKeeper keeper_;
    std::atomic<std::size_t> waiting_ = 0;  ///< Pieces of work that have not begun.
    net::WorkerPool pool_{1, "traefik"};
    net::Timer timer_;
};

class TraefikRegistrar::Handle final : public Registration {
  public:
    Handle(std::weak_ptr<FileThread> files, std::string name, Generation generation,
           std::string url)
        : files_(std::move(files)),
          name_(std::move(name)),
          generation_(generation),
          url_(std::move(url)) {}

    ~Handle() override {
        if (const auto files = files_.lock()) {
            files->end(std::move(name_), generation_);
        }
    }

    [[nodiscard]] std::string url() const override { return url_; }

    /// There is nothing to undo.
    void forget() { files_.reset(); }

  private:
    std::weak_ptr<FileThread> files_;
    std::string name_;
    Generation generation_;
    std::string url_;
};

TraefikRegistrar::TraefikRegistrar(Options options, RouteDirectory directory, const Logger& logger)
    : options_(std::move(options)),
      files_(std::make_shared<FileThread>(std::move(directory), logger)) {}

TraefikRegistrar::~TraefikRegistrar() = default;

Result<TraefikRegistrar::Opened> TraefikRegistrar::open(Options options,
                                                        const std::filesystem::path& directory,
                                                        Logger logger) {
    if (const auto valid = validate(options); !valid) {
        return forward_error(valid);
    }
    auto held = RouteDirectory::open(directory);
    if (!held) {
        return forward_error(held);
    }
    auto swept = held->remove_leftovers([](std::string_view) { return false; });
    if (!swept) {
        return forward_error(swept);
    }
    logger = logger.scoped("traefik");
    warn_of_foreign(logger, *held, *swept);
    std::unique_ptr<TraefikRegistrar> registrar(
        new TraefikRegistrar(std::move(options), std::move(*held), logger));
    return Opened{std::move(registrar), std::move(swept->removed)};
}

Status TraefikRegistrar::check(const Options& options, const std::filesystem::path& directory) {
    const auto valid = validate(options);
    return valid ? HeldDirectory::check(directory) : valid;
}

bool TraefikRegistrar::publishes(std::string_view kind) const {
    return publishes_kind(options_, kind);
}

net::Awaitable<Result<std::unique_ptr<Registration>>> TraefikRegistrar::register_name(
    Request request, TimePoint deadline) {
    auto content = dynamic_config(
        options_, {.name = request.name, .kind = request.kind, .port = request.local_port});
    if (!content) {
        co_return forward_error(content);
    }
    const net::Executor control = co_await net::asio::this_coro::executor;
    const auto ticket = std::make_shared<Ticket>(control);
    RouteKeeper::Claim claim{.name = request.name,
                             .generation = request.generation,
                             .content = std::move(*content),
                             .port_hold = std::move(request.port_hold)};
    auto url = public_url(options_, request.name, request.kind);
    // From here on its end undoes the claim, whatever ends this call.
    auto handle =
        std::make_unique<Handle>(files_, request.name, request.generation, std::move(url));
    if (!files_->begin(std::move(claim), ticket)) {
        handle->forget();
        co_return fail(Errc::TryLater, "the disk is too slow: too many routes wait for it");
    }
    auto waiting = ticket->decided.wait_until(deadline);
    const bool decided = co_await std::move(waiting);
    if (!decided) {
        ticket->abandoned = true;
        co_return Clock::now() < deadline
            ? fail(Errc::Cancelled, "stopped while a route was written")
            : fail(Errc::TimedOut, "the disk was too slow to write a route");
    }
    if (!ticket->result) {
        handle->forget();
        co_return forward_error(ticket->result);
    }
    co_return std::move(handle);
}

}  // namespace diglett::registrar::traefik
