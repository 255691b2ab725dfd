#include "net/lookups.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "net/resolve.hpp"
#include "net/task_group.hpp"
#include "net/timer.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::net {
namespace {

using namespace std::chrono_literals;

/// A name service that does not answer for hosts that begin with "hangs" until it is told to.
class NameService {
  public:
    NameService() = default;
    NameService(const NameService&) = delete;
    NameService& operator=(const NameService&) = delete;

    ~NameService() { state_->answer(); }

    [[nodiscard]] Lookups::Function function() const {
        return [state = state_](const std::string& host) { return state->look_up(host); };
    }

    void answer() { state_->answer(); }

    [[nodiscard]] int calls() const { return state_->calls; }

    [[nodiscard]] int returns() const { return state_->returns; }

  private:
    struct State {
        Lookups::Answer look_up(const std::string& host) {
            ++calls;
            if (host.starts_with("hangs")) {
                std::unique_lock lock(mutex);
                answered.wait(lock, [this] { return may_answer; });
            }
            ++returns;
            if (host == "unknown") {
                return std::unexpected("no such name");
            }
            return std::vector{*parse_address("192.0.2.1", 0)};
        }

        void answer() {
            const std::lock_guard lock(mutex);
            may_answer = true;
            answered.notify_all();
        }

        std::mutex mutex;
        std::condition_variable answered;
        bool may_answer = false;
        std::atomic<int> calls = 0;
        std::atomic<int> returns = 0;
    };

    std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::string name_of(Errc code) {
    switch (code) {
        case Errc::IoFailed:
            return "IoFailed";
        case Errc::TimedOut:
            return "TimedOut";
        case Errc::LimitReached:
            return "LimitReached";
        case Errc::Cancelled:
            return "Cancelled";
        default:
            return "another code";
    }
}

/// What one caller got: "192.0.2.1:80" or the error's code.
struct Outcome {
    std::string text;
};

Awaitable<void> ask(Lookups& lookups, std::string host, Duration limit, Outcome& outcome) {
    const Endpoint endpoint{.host = std::move(host), .port = 80};
    const auto got = co_await resolve(endpoint, Clock::now() + limit, lookups);
    outcome.text = got ? to_string(got->front()) : name_of(got.error().error.code);
}

class LookupsTest : public testing::Test {
  protected:
    Outcome ask_and_wait(Lookups& lookups, std::string host, Duration limit = 10s) {
        Outcome outcome;
        test::run_coroutine(context_, ask(lookups, std::move(host), limit, outcome));
        return outcome;
    }

    void wait_for_calls(int count) {
        const auto end = Clock::now() + 10s;
        while (service_.calls() < count && Clock::now() < end) {
            context_.restart();
            context_.run_for(1ms);
            std::this_thread::sleep_for(1ms);
        }
        ASSERT_EQ(service_.calls(), count);
    }

    asio::io_context context_{1};
    NameService service_;
};

TEST_F(LookupsTest, AskForNamesOnly) {
    Lookups lookups(service_.function());
    EXPECT_EQ(ask_and_wait(lookups, "127.0.0.1").text, "127.0.0.1:80");
    EXPECT_EQ(ask_and_wait(lookups, "::1").text, "[::1]:80");
    EXPECT_EQ(ask_and_wait(lookups, "localhost").text, "127.0.0.1:80");
    EXPECT_EQ(service_.calls(), 0);
    EXPECT_EQ(ask_and_wait(lookups, "known").text, "192.0.2.1:80");
    EXPECT_EQ(ask_and_wait(lookups, "unknown").text, "IoFailed");
    EXPECT_EQ(service_.calls(), 2);
}

TEST_F(LookupsTest, OneNameThatHangsHoldsUpNoOther) {
    Lookups lookups(service_.function(), {.threads = 2});
    std::array<Outcome, 20> hanging;
    TaskGroup tasks(context_.get_executor());
    for (auto& outcome : hanging) {
        tasks.spawn(ask(lookups, "hangs", 30s, outcome));
    }
    EXPECT_EQ(ask_and_wait(lookups, "known").text, "192.0.2.1:80");
    ASSERT_NO_FATAL_FAILURE(wait_for_calls(2));  // twenty callers share one lookup
    service_.answer();
    test::run_coroutine(context_, tasks.join());
    for (const auto& outcome : hanging) {
        EXPECT_EQ(outcome.text, "192.0.2.1:80");
    }
}

/// The event loop ends and goes while the lookup still hangs, and so does the Lookups.
TEST_F(LookupsTest, NobodyWaitsForOneThatHangs) {
    const auto start = Clock::now();
    Outcome late;
    Outcome cancelled;
    {
        Lookups lookups(service_.function());
        asio::io_context context(1);
        test::run_coroutine(context, ask(lookups, "hangs", 50ms, late));
        TaskGroup tasks(context.get_executor());
        tasks.spawn(ask(lookups, "hangs", 30s, cancelled));
        Timer soon(context.get_executor(), Clock::now() + 50ms);
        soon.async_wait([&](const boost::system::error_code&) { tasks.cancel(); });
        test::run_coroutine(context, tasks.join());
        context.restart();
        context.run();
        EXPECT_EQ(service_.calls(), 1);
    }
    EXPECT_EQ(late.text, "TimedOut");
    EXPECT_EQ(cancelled.text, "Cancelled");
    EXPECT_LT(Clock::now() - start, 10s);
    EXPECT_EQ(service_.returns(), 0);
    service_.answer();
    const auto end = Clock::now() + 10s;
    while (service_.returns() < 1 && Clock::now() < end) {
        std::this_thread::sleep_for(1ms);  // what the thread does next must touch nothing that went
    }
    EXPECT_EQ(service_.returns(), 1);
}

TEST_F(LookupsTest, WaitForAThreadUntilTheirDeadline) {
    Lookups lookups(service_.function(), {.threads = 1, .waiting = 1});
    Outcome first;
    Outcome second;
    TaskGroup tasks(context_.get_executor());
    tasks.spawn(ask(lookups, "hangs", 30s, first));
    ASSERT_NO_FATAL_FAILURE(wait_for_calls(1));
    EXPECT_EQ(ask_and_wait(lookups, "early", 50ms).text, "TimedOut");
    tasks.spawn(ask(lookups, "patient", 30s, second));
    context_.restart();
    context_.run_for(50ms);
    EXPECT_EQ(ask_and_wait(lookups, "one too many").text, "LimitReached");
    service_.answer();
    test::run_coroutine(context_, tasks.join());
    EXPECT_EQ(first.text, "192.0.2.1:80");
    EXPECT_EQ(second.text, "192.0.2.1:80");
    EXPECT_EQ(service_.calls(), 2) << "nobody waited for 'early' any more";
}

Awaitable<void> ask_system(std::vector<Address>& addresses) {
    const Endpoint endpoint{.host = "localhost", .port = 80};
    auto got = co_await Lookups::of_system().ask(endpoint, Clock::now() + 20s);
    EXPECT_TRUE(got) << got.error().error.text;
    addresses = got.value_or(std::vector<Address>{});
}

TEST_F(LookupsTest, OfTheSystemKnowLocalhost) {
    std::vector<Address> addresses;
    test::run_coroutine(context_, ask_system(addresses));
    ASSERT_FALSE(addresses.empty());
    for (const auto& address : addresses) {
        EXPECT_TRUE(address.is_loopback()) << to_string(address);
        EXPECT_EQ(address.port, 80);
    }
}

}  // namespace
}  // namespace diglett::net
