#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "crypto/channel.hpp"
#include "crypto/identity_key.hpp"
#include "crypto/tls_context.hpp"
#include "mux/link.hpp"
#include "net/task_group.hpp"
#include "net/worker_pool.hpp"
#include "test/support/blocking_socket.hpp"
#include "test/support/plain_channel.hpp"
#include "tunnel/establish.hpp"
#include "tunnel/tunnel.hpp"
#include "tunnel/worker_resources.hpp"
#include "wire/message.hpp"

namespace diglett::test {

inline constexpr std::chrono::seconds kPatience{30};

/// Values handed from a worker to the test's thread.
template <class T>
class Mailbox {
  public:
    void put(T value) {
        const std::lock_guard lock(mutex_);
        values_.push(std::move(value));
        arrived_.notify_one();
    }

    /// @return nothing when none came in 30 s.
    [[nodiscard]] std::optional<T> take() {
        std::unique_lock lock(mutex_);
        if (!arrived_.wait_for(lock, kPatience, [this] { return !values_.empty(); })) {
            return std::nullopt;
        }
        auto value = std::make_optional(std::move(values_.front()));
        values_.pop();
        return value;
    }

  private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::queue<T> values_;
};

/// One end of a session with a real Tunnel and Link: opens the session with the fewest frames and
/// gives each stream that the gateway opens a backend whose other end is in `backends`.
class TunnelEnd : public mux::MultiplexerEvents {
  public:
    TunnelEnd(mux::Role role, tunnel::WorkerResources& resources, net::Socket carrier,
              std::unique_ptr<crypto::Channel> channel)
        : resources_(resources), role_(role), group_(resources.executor()) {
        mux::Link::Options options;
        options.role = role;
        auto link = std::make_unique<mux::Link>(options, resources.chunks(), *this, Clock::now());
        link_ = link.get();
        tunnel_ = std::make_unique<tunnel::Tunnel>(resources, std::move(carrier),
                                                   std::move(channel), std::move(link));
        send_hello(options);
        group_.spawn(run());
    }

    ~TunnelEnd() override = default;
    TunnelEnd(const TunnelEnd&) = delete;
    TunnelEnd& operator=(const TunnelEnd&) = delete;

    void on_open(StreamId stream, const wire::Open&) override {
        auto pair = make_backend();
        tunnel_->attach(stream, net::Socket(resources_.executor(), pair.theirs));
        backends.put(std::move(pair.ours));
    }

    [[nodiscard]] Status on_message(wire::FrameKind kind, std::uint32_t,
                                    ByteView payload) override {
        if (kind == wire::FrameKind::Welcome || kind == wire::FrameKind::FinishRegister) {
            ready.put(true);
        } else if (kind == wire::FrameKind::GoAway) {
            goaways.put(std::string(as_text(payload)));
        }
        return {};
    }

    void on_stream_ended(StreamId) override { ended.put(true); }

    [[nodiscard]] tunnel::Tunnel& tunnel() { return *tunnel_; }

    /// On this end's worker only.
    [[nodiscard]] const mux::Link& link() const { return *link_; }

    [[nodiscard]] net::TaskGroup& group() { return group_; }

    [[nodiscard]] net::Executor executor() const { return resources_.executor(); }

    std::function<SocketPair()> make_backend = tcp_pair;
    Mailbox<BlockingSocket> backends;
    Mailbox<bool> ready;
    Mailbox<bool> ended;
    Mailbox<std::string> goaways;
    Mailbox<Error> outcome;

  private:
    void send_hello(const mux::Link::Options& options) {
        wire::Hello hello;
        hello.link_limit = options.link_limit;
        hello.stream_limit = options.stream_limit;
        ByteVector payload;
        wire::encode(hello, payload);
        (void)tunnel_->send_message(wire::FrameKind::Hello, 0, payload);
        if (role_ == mux::Role::Agent) {
            (void)tunnel_->send_message(wire::FrameKind::Login, 0, {});
            (void)tunnel_->send_message(wire::FrameKind::FinishRegister, 0, {});
        } else {
            (void)tunnel_->send_message(wire::FrameKind::Welcome, 0, {});
        }
    }

    net::Awaitable<void> run() {
        auto why = co_await tunnel_->run();
        outcome.put(std::move(why));
    }

    tunnel::WorkerResources& resources_;
    mux::Role role_;
    const mux::Link* link_ = nullptr;  ///< The tunnel's.
    std::unique_ptr<tunnel::Tunnel> tunnel_;
    net::TaskGroup group_;
};

/// Runs `work` on the thread of `executor` and waits for its result.
template <class Work>
auto run_on(net::Executor executor, Work work) {
    auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
    auto result = task->get_future();
    boost::asio::post(executor, [task] { (*task)(); });
    return result.get();
}

/// How the two ends of a TunnelPair are joined.
struct Setup {
    bool tcp = true;
    bool tls = true;
    std::size_t workers = 2;
};

/// A gateway's and an agent's end in one process, each on its own worker if there are two.
class TunnelPair {
  public:
    explicit TunnelPair(Setup setup) : pool_(setup.workers, "test") {
        for (std::size_t i = 0; i < setup.workers; ++i) {
            resources_.push_back(std::make_unique<tunnel::WorkerResources>(pool_.executor(i)));
        }
        auto carriers = setup.tcp ? tcp_pair() : unix_pair();
        auto channels = setup.tls ? tls_channels() : plain_channels();
        auto gateway = start(mux::Role::Gateway, *resources_.front(), carriers.theirs,
                             std::move(channels.first));
        auto agent = start(mux::Role::Agent, *resources_.back(), carriers.ours.release(),
                           std::move(channels.second));
        gateway_ = gateway.get();
        agent_ = agent.get();
        if (!gateway_->ready.take() || !agent_->ready.take()) {
            throw std::runtime_error("the session did not open");
        }
    }

    ~TunnelPair() {
        stop(std::move(agent_));
        stop(std::move(gateway_));
    }

    TunnelPair(const TunnelPair&) = delete;
    TunnelPair& operator=(const TunnelPair&) = delete;

    [[nodiscard]] TunnelEnd& gateway() { return *gateway_; }

    [[nodiscard]] TunnelEnd& agent() { return *agent_; }

    /// Calls `work(TunnelEnd&)` on the end's worker.
    template <class Work>
    auto on(TunnelEnd& end, Work work) {
        return run_on(end.executor(),
                      [&end, work = std::move(work)]() mutable { return work(end); });
    }

    /// Opens a stream for a new visitor. @return the visitor's own end.
    [[nodiscard]] BlockingSocket visit(SocketPair pair = tcp_pair()) {
        const int fd = pair.theirs;
        wire::Open open{};
        open.registration = {1};
        open.initial_limit = mux::kInitialStreamWindowBytes;
        const auto id = on(gateway(), [fd, &open](TunnelEnd& end) {
            net::Socket visitor(end.executor(), fd);
            visitor.set_linger_reset();
            return end.tunnel().open(std::move(visitor), open);
        });
        if (!id) {
            throw std::runtime_error("not opened: " + id.error().text);
        }
        return std::move(pair.ours);
    }

    /// Ends both sides at once and waits for them.
    void stop() {
        stop(std::move(agent_));
        stop(std::move(gateway_));
    }

  private:
    using Channels = std::pair<std::unique_ptr<crypto::Channel>, std::unique_ptr<crypto::Channel>>;

    static Channels plain_channels() {
        return {std::make_unique<PlainChannel>(), std::make_unique<PlainChannel>()};
    }

    static Channels tls_channels() {
        static const auto key = crypto::IdentityKey::generate();
        const auto server = crypto::ServerTls::create(key);
        const auto client = crypto::ClientTls::create({});
        return {server->accept(), client->connect("")};
    }

    static net::Awaitable<std::unique_ptr<TunnelEnd>> establish(
        mux::Role role, tunnel::WorkerResources& resources, int fd,
        std::unique_ptr<crypto::Channel> channel) {
        net::Socket carrier(resources.executor(), fd);
        const auto status =
            co_await tunnel::establish(carrier, *channel, resources, Clock::now() + kPatience);
        if (!status) {
            throw std::runtime_error("no handshake: " + status.error().text);
        }
        co_return std::make_unique<TunnelEnd>(role, resources, std::move(carrier),
                                              std::move(channel));
    }

    static std::future<std::unique_ptr<TunnelEnd>> start(mux::Role role,
                                                         tunnel::WorkerResources& resources, int fd,
                                                         std::unique_ptr<crypto::Channel> channel) {
        return boost::asio::co_spawn(resources.executor(),
                                     establish(role, resources, fd, std::move(channel)),
                                     boost::asio::use_future);
    }

    static net::Awaitable<void> stop_and_destroy(std::unique_ptr<TunnelEnd> end) {
        end->tunnel().abort({Errc::Cancelled, "the test is over"});
        co_await end->group().join();
    }

    static void stop(std::unique_ptr<TunnelEnd> end) {
        if (end) {
            const auto executor = end->executor();
            boost::asio::co_spawn(executor, stop_and_destroy(std::move(end)),
                                  boost::asio::use_future)
                .get();
        }
    }

    net::WorkerPool pool_;
    std::vector<std::unique_ptr<tunnel::WorkerResources>> resources_;
    std::unique_ptr<TunnelEnd> gateway_;
    std::unique_ptr<TunnelEnd> agent_;
};

}  // namespace diglett::test
