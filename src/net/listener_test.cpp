#include "net/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <thread>

#include <gtest/gtest.h>

#include "net/dial.hpp"
#include "net/sockaddr.hpp"
#include "net/task_group.hpp"
#include "net/timer.hpp"
#include "test/support/blocking_socket.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::net {
namespace {

using namespace std::chrono_literals;

Result<Listener> listen(asio::io_context& context, std::string host, std::uint16_t port,
                        Listener::Options options = {}) {
    return Listener::open(context.get_executor(), {.host = std::move(host), .port = port},
                          std::move(options));
}

Awaitable<void> meet(Listener& listener, Endpoint target) {
    auto dialled = co_await dial(target, Clock::now() + 10s);
    EXPECT_TRUE(dialled);
    auto accepted = co_await listener.accept();
    EXPECT_TRUE(accepted);
    if (!dialled || !accepted) {
        co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    Socket server(executor, accepted->fd);
    EXPECT_EQ(server.remote_address(), dialled->local_address());
    EXPECT_EQ(server.local_address(), dialled->remote_address());
    EXPECT_EQ(accepted->remote, dialled->local_address());
    EXPECT_EQ(accepted->local, dialled->remote_address());
    EXPECT_TRUE(server.remote_address().is_loopback());
}

TEST(Listener, AcceptsOnEveryKindOfAddress) {
    asio::io_context context(1);
    for (const std::string_view host : {"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "*"}) {
        auto listener = listen(context, std::string(host), 0);
        ASSERT_TRUE(listener) << listener.error().text;
        const auto port = listener->local_endpoint().port;
        EXPECT_NE(port, 0);
        const std::string target = host == "::1" ? "::1" : "127.0.0.1";
        test::run_coroutine(context, meet(*listener, {.host = target, .port = port}));
    }
}

TEST(Listener, SaysThatAnAddressIsInUse) {
    asio::io_context context(1);
    auto first = listen(context, "127.0.0.1", 0);
    ASSERT_TRUE(first);
    const auto second = listen(context, "127.0.0.1", first->local_endpoint().port);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::AddressInUse);
    EXPECT_NE(second.error().text.find("address already in use"), std::string::npos)
        << second.error().text;
    EXPECT_EQ(listen(context, "192.0.2.1", 0).error().code, Errc::AddressInUse);  // not ours
    EXPECT_EQ(listen(context, "gateway.example", 0).error().code, Errc::InvalidUsage);
}

Awaitable<void> expect_options_of_a_stream(Listener& listener) {
    const Endpoint target{.host = "127.0.0.1", .port = listener.local_endpoint().port};
    const auto dialled = co_await dial(target, Clock::now() + 10s);
    EXPECT_TRUE(dialled);
    const auto accepted = co_await listener.accept();
    EXPECT_TRUE(accepted);
    const UniqueFd fd(accepted ? accepted->fd : -1);
    const auto option = [&](int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &size), 0);
        return value;
    };
    linger closing{};
    socklen_t size = sizeof closing;
    EXPECT_EQ(::getsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &closing, &size), 0);
    EXPECT_EQ(closing.l_onoff, 1);
    EXPECT_EQ(closing.l_linger, 0);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 15);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 4);
}

TEST(Listener, HandsItsOptionsToAcceptedSockets) {
    asio::io_context context(1);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    set_stream_options(fd.get());
    ASSERT_EQ(::listen(fd.get(), 8), 0);
    auto listener = Listener::adopt(context.get_executor(), std::move(fd), {});
    ASSERT_TRUE(listener);
    test::run_coroutine(context, expect_options_of_a_stream(*listener));
}

Awaitable<void> expect_cancelled(Listener& listener) {
    const auto accepted = co_await listener.accept();
    EXPECT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code, Errc::Cancelled);
}

TEST(Listener, CloseEndsAccept) {
    asio::io_context context(1);
    auto listener = listen(context, "127.0.0.1", 0);
    ASSERT_TRUE(listener);
    asio::post(context, [&] { listener->close(); });
    test::run_coroutine(context, expect_cancelled(*listener));
}

/// Lowers the limit of descriptors to what is open now.
class NoMoreDescriptors {
  public:
    NoMoreDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        auto now = before_;
        const UniqueFd probe(::dup(0));
        now.rlim_cur = static_cast<rlim_t>(probe.get());
        ::setrlimit(RLIMIT_NOFILE, &now);
    }

    ~NoMoreDescriptors() { end(); }

    NoMoreDescriptors(const NoMoreDescriptors&) = delete;
    NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

    void end() const { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

Awaitable<void> expect_accepted(Listener& listener) {
    const auto accepted = co_await listener.accept();
    EXPECT_TRUE(accepted);
    const UniqueFd closed(accepted ? accepted->fd : -1);
}

TEST(Listener, PausesWithoutDescriptorsSaysSoOnceASecondAndRecovers) {
    asio::io_context context(1);
    std::vector<std::string> reports;
    Listener::Options options;
    options.pauses =
        std::make_shared<PauseReport>([&](std::string_view why) { reports.emplace_back(why); });
    auto listener = listen(context, "127.0.0.1", 0, std::move(options));
    ASSERT_TRUE(listener);
    const auto address = to_sockaddr(*parse_address("127.0.0.1", listener->local_endpoint().port));
    const UniqueFd visitor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(visitor.get(), address.get(), address.size), 0);

    const NoMoreDescriptors limit;
    Timer relief(context.get_executor(), Clock::now() + 350ms);
    relief.async_wait([&](const boost::system::error_code&) { limit.end(); });
    const auto start = Clock::now();
    test::run_coroutine(context, expect_accepted(*listener));
    EXPECT_GE(Clock::now() - start, 350ms);
    EXPECT_EQ(reports, std::vector<std::string>{"too many open files"});
}

TEST(Listener, SharesItsReportOfAPauseWithOthers) {
    constexpr std::size_t kListeners = 20;
    asio::io_context context(1);
    std::size_t reports = 0;
    const auto report = std::make_shared<PauseReport>([&](std::string_view) { ++reports; });
    std::vector<Listener> listeners;
    std::vector<UniqueFd> visitors;
    for (std::size_t i = 0; i < kListeners; ++i) {
        auto listener = listen(context, "127.0.0.1", 0, {.pauses = report});
        ASSERT_TRUE(listener);
        const auto port = listener->local_endpoint().port;
        listeners.push_back(std::move(*listener));
        const auto address = to_sockaddr(*parse_address("127.0.0.1", port));
        visitors.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::connect(visitors.back().get(), address.get(), address.size), 0);
    }

    const NoMoreDescriptors limit;
    Timer relief(context.get_executor(), Clock::now() + 1'500ms);  // two reports are due by then
    relief.async_wait([&](const boost::system::error_code&) { limit.end(); });
    // No TaskGroup: the sanitizer cannot check its cancellation slots without a descriptor.
    std::size_t accepted = 0;
    for (auto& listener : listeners) {
        asio::co_spawn(context, expect_accepted(listener),
                       [&](const std::exception_ptr&) { ++accepted; });
    }
    context.run_for(20s);
    EXPECT_EQ(accepted, kListeners);
    EXPECT_GE(reports, 1U);
    EXPECT_LE(reports, 4U);
}

}  // namespace
}  // namespace diglett::net
