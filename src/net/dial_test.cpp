#include "net/dial.hpp"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <semaphore>
#include <thread>

#include <gtest/gtest.h>

#include "base/unique_fd.hpp"
#include "net/deadline.hpp"
#include "net/listener.hpp"
#include "net/resolve.hpp"
#include "net/sockaddr.hpp"
#include "net/task_group.hpp"
#include "test/support/blocking_socket.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::net {
namespace {

using namespace std::chrono_literals;

Awaitable<void> expect_failure(Endpoint endpoint, Duration limit, DialFailure kind, Errc code) {
    const auto dialled = co_await dial(endpoint, Clock::now() + limit);
    EXPECT_FALSE(dialled);
    if (!dialled) {
        EXPECT_EQ(dialled.error().kind, kind) << dialled.error().error.text;
        EXPECT_EQ(dialled.error().error.code, code);
        EXPECT_TRUE(dialled.error().error.text.starts_with(to_string(endpoint)))
            << dialled.error().error.text;
    }
}

Awaitable<void> expect_connection(Endpoint endpoint) {
    auto dialled = co_await dial(endpoint, Clock::now() + 10s);
    EXPECT_TRUE(dialled) << dialled.error().error.text;
    EXPECT_TRUE(dialled && dialled->is_open() && dialled->take_error() == 0);
}

/// A port of 127.0.0.1 at which nothing listens.
std::uint16_t dead_port() {
    asio::io_context context(1);
    auto listener = Listener::open(context.get_executor(), {.host = "127.0.0.1"}, {});
    return listener->local_endpoint().port;
}

TEST(Dial, TellsRefusedFromUnresolved) {
    asio::io_context context(1);
    const auto port = dead_port();
    test::run_coroutine(context, expect_failure({.host = "127.0.0.1", .port = port}, 10s,
                                                DialFailure::Refused, Errc::IoFailed));
    test::run_coroutine(context, expect_failure({.host = "localhost", .port = port}, 10s,
                                                DialFailure::Refused, Errc::IoFailed));
    test::run_coroutine(context, expect_failure({.host = "no-such-host.invalid", .port = 1}, 15s,
                                                DialFailure::Unresolved, Errc::IoFailed));
    test::run_coroutine(context, expect_failure({.unix_path = "/no/such/socket"}, 10s,
                                                DialFailure::Refused, Errc::IoFailed));
}

/// A listener whose queue is full answers no more connection requests, as a dead host does.
TEST(Dial, TimesOutAtItsDeadline) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = to_sockaddr(*parse_address("127.0.0.1", 0));
    ASSERT_EQ(::bind(listener.get(), address.get(), address.size), 0);
    ASSERT_EQ(::listen(listener.get(), 0), 0);
    ASSERT_EQ(::getsockname(listener.get(), address.get(), &address.size), 0);
    std::vector<UniqueFd> queue;
    for (int i = 0; i < 3; ++i) {
        queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        (void)::connect(queue.back().get(), address.get(), address.size);
    }
    asio::io_context context(1);
    const auto start = Clock::now();
    const Endpoint endpoint{.host = "127.0.0.1", .port = from_sockaddr(address).port};
    test::run_coroutine(context,
                        expect_failure(endpoint, 100ms, DialFailure::TimedOut, Errc::TimedOut));
    EXPECT_GE(Clock::now() - start, 100ms);
    EXPECT_LT(Clock::now() - start, 5s);
}

TEST(Dial, ReachesAListenerOnEitherFamilyOfLocalhost) {
    asio::io_context context(1);
    for (const std::string_view host : {"127.0.0.1", "::1"}) {
        auto listener = Listener::open(context.get_executor(), {.host = std::string(host)}, {});
        ASSERT_TRUE(listener) << listener.error().text;
        test::run_coroutine(context, expect_connection({.host = "localhost",
                                                        .port = listener->local_endpoint().port}));
    }
}

TEST(DialAtOnce, ReachesLoopbackAndLeavesTheRestToDial) {
    asio::io_context context(1);
    auto listener = Listener::open(context.get_executor(), {.host = "127.0.0.1"}, {});
    ASSERT_TRUE(listener);
    const auto port = listener->local_endpoint().port;
    for (const std::string_view host : {"127.0.0.1", "localhost"}) {
        auto socket =
            dial_at_once(context.get_executor(), {.host = std::string(host), .port = port});
        ASSERT_TRUE(socket) << host;
        ASSERT_TRUE(*socket) << host;
        EXPECT_EQ((*socket)->remote_address().port, port);
        EXPECT_EQ((*socket)->take_error(), 0);
    }
    const auto dead = dead_port();
    EXPECT_FALSE(dial_at_once(context.get_executor(), {.host = "127.0.0.1", .port = dead}));
    EXPECT_FALSE(dial_at_once(context.get_executor(), {.host = "192.0.2.1", .port = port}));
    EXPECT_FALSE(dial_at_once(context.get_executor(), {.host = "example.com", .port = port}));
    EXPECT_FALSE(dial_at_once(context.get_executor(), {.unix_path = "/no/such/socket"}));
}

/// Otherwise dial() would make a second one for the same visitor.
TEST(DialAtOnce, CountsAConnectionThatIsResetAtOnce) {
    constexpr int kConnections = 2'000;
    test::BlockingListener listener;
    std::counting_semaphore<> came(0);
    std::thread backend([&] {
        for (int i = 0; i < kConnections; ++i) {
            listener.accept().reset();
            came.release();
        }
    });
    asio::io_context context(1);
    for (int i = 0; i < kConnections; ++i) {
        EXPECT_TRUE(
            dial_at_once(context.get_executor(), {.host = "127.0.0.1", .port = listener.port()}));
        ASSERT_TRUE(came.try_acquire_for(20s));  // so that the backlog is never full
    }
    backend.join();
}

TEST(IsConnectedToItself, KnowsASocketThatMetItself) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SockAddr address = to_sockaddr(*parse_address("127.0.0.1", 0));
    ASSERT_EQ(::bind(fd.get(), address.get(), address.size), 0);
    ASSERT_EQ(::getsockname(fd.get(), address.get(), &address.size), 0);
    EXPECT_FALSE(is_connected_to_itself(fd.get())) << "not yet";
    ASSERT_EQ(::connect(fd.get(), address.get(), address.size), 0);
    EXPECT_TRUE(is_connected_to_itself(fd.get()));
    const linger reset{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);

    test::BlockingListener listener;
    UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SockAddr there = to_sockaddr(*parse_address("127.0.0.1", listener.port()));
    ASSERT_EQ(::connect(other.get(), there.get(), there.size), 0);
    EXPECT_FALSE(is_connected_to_itself(other.get()));
}

/// Moves the calling thread to a network of its own whose sockets all get `port`.
/// @return false without the rights for that.
bool enter_network_of_one_port(std::uint16_t port) {
    if (::unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    const UniqueFd any(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
    range << port << ' ' << port << std::flush;
    return range.good() && ::ioctl(any.get(), SIOCSIFFLAGS, &loopback) == 0;
}

TEST(Dial, RefusesToMeetItself) {
    constexpr std::uint16_t kPort = 40'000;
    bool may_run = false;
    std::thread thread([&] {
        may_run = enter_network_of_one_port(kPort);
        if (!may_run) {
            return;
        }
        asio::io_context context(1);
        const Endpoint dead{.host = "127.0.0.1", .port = kPort};
        // Twice: the first one must not keep the port.
        for (int i = 0; i < 2; ++i) {
            EXPECT_FALSE(dial_at_once(context.get_executor(), dead));
            test::run_coroutine(context,
                                expect_failure(dead, 10s, DialFailure::Refused, Errc::IoFailed));
        }
        EXPECT_TRUE(Listener::open(context.get_executor(), dead, {}));
    });
    thread.join();
    if (!may_run) {
        GTEST_SKIP() << "only root may make a network";
    }
}

TEST(IsOnThisMachine, KnowsLoopbackWithoutLookup) {
    EXPECT_TRUE(is_on_this_machine({.host = "localhost", .port = 1}));
    EXPECT_TRUE(is_on_this_machine({.host = "127.1.2.3", .port = 1}));
    EXPECT_TRUE(is_on_this_machine({.host = "::1", .port = 1}));
    EXPECT_TRUE(is_on_this_machine({.unix_path = "/run/x"}));
    EXPECT_FALSE(is_on_this_machine({.host = "192.0.2.1", .port = 1}));
    EXPECT_FALSE(is_on_this_machine({.host = "localhost.example", .port = 1}));
}

TEST(Dial, ReachesAUnixSocket) {
    const auto path =
        std::filesystem::temp_directory_path() / ("dial_test." + std::to_string(::getpid()));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ASSERT_EQ(::listen(listener.get(), 0), 0);
    asio::io_context context(1);
    test::run_coroutine(context, expect_connection({.unix_path = path.string()}));
    test::run_coroutine(context, expect_failure({.unix_path = path.string()}, 50ms,
                                                DialFailure::TimedOut, Errc::TimedOut));
    std::filesystem::remove(path);
    test::run_coroutine(context, expect_failure({.unix_path = path.string()}, 10s,
                                                DialFailure::Refused, Errc::IoFailed));
}

Awaitable<void> expect_wait(Socket& socket, Duration limit, Errc code) {
    const auto ready = co_await wait_readable(socket, Clock::now() + limit);
    EXPECT_FALSE(ready);
    EXPECT_EQ(ready.error().code, code);
}

Awaitable<void> expect_readable(Socket& socket) {
    const auto ready = co_await wait_readable(socket, kNever);
    EXPECT_TRUE(ready);
}

TEST(WaitReadable, EndsWithBytesAtItsDeadlineOrWithTheSocket) {
    asio::io_context context(1);
    auto pair = test::unix_pair();
    Socket socket(context.get_executor(), pair.theirs);
    test::run_coroutine(context, expect_wait(socket, 5ms, Errc::TimedOut));
    ASSERT_TRUE(pair.ours.send("x"));
    test::run_coroutine(context, expect_readable(socket));
    std::array<std::byte, 4> buffer{};
    EXPECT_EQ(socket.peek_some(buffer).bytes, 1U);
    EXPECT_EQ(socket.read_some(MutableBytes(buffer)).bytes, 1U);
    EXPECT_EQ(socket.read_some(MutableBytes(buffer)).state, IoResult::State::Blocked);
    asio::post(context, [&] { socket.close(); });
    test::run_coroutine(context, expect_wait(socket, 10s, Errc::Cancelled));
}

TEST(Socket, ResetsUnlessLingerWasCleared) {
    asio::io_context context(1);
    for (const bool orderly : {true, false}) {
        auto pair = test::tcp_pair();
        Socket socket(context.get_executor(), pair.theirs);
        socket.set_linger_reset();
        if (orderly) {
            socket.clear_linger();
        }
        socket.close();
        EXPECT_EQ(pair.ours.receive_all().ending,
                  orderly ? test::Ending::Fin : test::Ending::Reset);
    }
}

/// Whoever does not read is not dead: TCP's probes of the shut window are answered.
TEST(Socket, TellsAPeerThatDoesNotReadFromOneThatIsGone) {
    asio::io_context context(1);
    auto pair = test::tcp_pair();
    Socket socket(context.get_executor(), pair.theirs);
    const std::vector<std::byte> bytes(64 * 1024);
    while (socket.write_some(ByteView(bytes)).state == IoResult::State::Ready) {
    }
    std::this_thread::sleep_for(1s);
    auto peer = socket.peer_state();
    EXPECT_FALSE(peer.broken);
    EXPECT_LT(peer.unanswered, 1s);
    pair.ours.reset();
    EXPECT_TRUE(socket.peer_state().broken);

    auto local = test::unix_pair();
    Socket unix_socket(context.get_executor(), local.theirs);
    EXPECT_FALSE(unix_socket.peer_state().broken);
    EXPECT_EQ(unix_socket.peer_state().unanswered, 0ms);
}

TEST(Socket, ReleasedCanLiveOnAnotherWorker) {
    asio::io_context first(1);
    asio::io_context second(1);
    auto pair = test::unix_pair();
    Socket socket(first.get_executor(), pair.theirs);
    Socket moved(second.get_executor(), socket.release());
    EXPECT_FALSE(socket.is_open());
    ASSERT_TRUE(pair.ours.send("x"));
    test::run_coroutine(second, expect_readable(moved));
}

TEST(Socket, MovesSegmentsInOrder) {
    asio::io_context context(1);
    auto pair = test::unix_pair();
    Socket socket(context.get_executor(), pair.theirs);
    const std::array<ByteView, 3> parts{as_bytes("ab"), ByteView(), as_bytes("cde")};
    EXPECT_EQ(socket.write_some(parts).bytes, 5U);
    EXPECT_EQ(pair.ours.receive(5).bytes, "abcde");
    ASSERT_TRUE(pair.ours.send("12345"));
    std::array<std::byte, 2> first{};
    std::array<std::byte, 8> second{};
    const std::array<MutableBytes, 2> into{first, second};
    EXPECT_EQ(socket.read_some(into).bytes, 5U);
    EXPECT_EQ(as_text(first), "12");
    EXPECT_EQ(as_text(second).substr(0, 3), "345");
    pair.ours.close();
    EXPECT_EQ(socket.read_some(into).state, IoResult::State::End);
    EXPECT_EQ(socket.write_some(parts).state, IoResult::State::Failed);  // and no signal
}

}  // namespace
}  // namespace diglett::net
