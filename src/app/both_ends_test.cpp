// A whole gateway and whole agents in one process, over loopback, with one worker and with two.
#include <chrono>
#include <future>
#include <map>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/agent.hpp"
#include "crypto/sha256.hpp"
#include "net/worker_pool.hpp"
#include "test/support/scripted_peer.hpp"
#include "test/support/test_gateway.hpp"

namespace diglett::app {
namespace {

using namespace std::chrono_literals;
using test::BlockingListener;
using test::BlockingSocket;
using test::Ending;

/// An agent on a thread of its own.
class TestAgent {
  public:
    struct Options {
        std::uint16_t gateway;
        std::vector<agent::Service> services;
        int protocol = 2;
        bool once = true;
        bool takeover = false;
    };

    explicit TestAgent(Options options)
        : agent_({.gateway = {.host = "127.0.0.1", .port = options.gateway},
                  .services = options.services,
                  .protocol = options.protocol,
                  .once = options.once,
                  .takeover = options.takeover,
                  .software = "test",
                  .memory_budget = 1 << 28},
                 {.tls = crypto::ClientTls::create({}).value(),
                  .trust = agent::GatewayTrust({}, known_, {}, {}),
                  .key = crypto::AgentKey::generate(),
                  .credential = [] { return Result<Secret>(Secret("")); },
                  .on_public_url = [](const std::string&) {},
                  .random = [] { return 0.5; }},
                 pool_.executor(0), log_.logger()) {
        end_ = net::asio::co_spawn(pool_.executor(0), agent_.run(), net::asio::use_future);
    }

    ~TestAgent() { stop(); }

    TestAgent(const TestAgent&) = delete;
    TestAgent& operator=(const TestAgent&) = delete;

    /// Waits for the end of run(), 20 s at most.
    std::optional<Error> end() {
        if (end_.wait_for(20s) != std::future_status::ready) {
            ADD_FAILURE() << "the agent did not end";
            std::abort();
        }
        return end_.get();
    }

    void stop() {
        if (end_.valid()) {
            net::asio::post(pool_.executor(0),
                            net::asio::use_future([this] { std::ignore = agent_.stop(); }))
                .get();
            std::ignore = end();
        }
    }

    [[nodiscard]] const test::LogCapture& log() const { return log_; }

    [[nodiscard]] bool is_registered(const std::string& name) const {
        return log_.count(fmt::format("name '{}' is registered", name)) > 0;
    }

  private:
    test::LogCapture log_;
    agent::KnownGateways known_ = agent::KnownGateways::load(nullptr).value();
    net::WorkerPool pool_{1, "agent"};
    agent::Agent agent_;
    std::future<std::optional<Error>> end_;
};

template <class Condition>
bool eventually(Condition condition) {
    for (const TimePoint end = Clock::now() + 20s; Clock::now() < end;
         std::this_thread::sleep_for(2ms)) {
        if (condition()) {
            return true;
        }
    }
    return false;
}

class BothEnds : public testing::TestWithParam<std::size_t> {
  protected:
    void TearDown() override {
        gateway_.reset();
        EXPECT_EQ(test::open_descriptors(), descriptors_before_);
    }

    [[nodiscard]] TestAgent::Options agent_for(
        const std::vector<std::pair<std::string, std::uint16_t>>& services) const {
        TestAgent::Options options{.gateway = gateway_->port(), .services = {}};
        for (const auto& [name, port] : services) {
            options.services.push_back(
                {.name = name, .backend = {.host = "127.0.0.1", .port = port}});
        }
        return options;
    }

    /// The helper port that the gateway has printed last for `name`; waits for its `nth` time.
    std::uint16_t port_of(const std::string& name, std::size_t nth = 1) {
        const std::string start = "register domain '" + name + "' -> '";
        std::vector<std::string> found;
        EXPECT_TRUE(eventually([&] {
            found.clear();
            for (const auto& line : gateway_->log().lines()) {
                if (line.starts_with(start)) {
                    found.push_back(line.substr(start.size()));
                }
            }
            return found.size() >= nth;
        }));
        return found.empty() ? std::uint16_t{0}
                             : static_cast<std::uint16_t>(std::stoi(found.back()));
    }

    std::size_t descriptors_before_ = test::open_descriptors();
    std::unique_ptr<test::TestGateway> gateway_ =
        std::make_unique<test::TestGateway>(GetParam(), true);
};

std::string hash_of(const std::string& bytes) {
    return std::string(as_text(ByteView(crypto::sha256(as_bytes(bytes)))));
}

/// One visitor sends `up` and gets `down`.
/// @return whether both came whole and were ended by a FIN.
[[nodiscard]] bool exchange(std::uint16_t helper, BlockingListener& listener, std::size_t up,
                            std::size_t down, std::uint64_t seed) {
    const auto request = test::pattern(seed, up);
    const auto answer = test::pattern(seed + 1, down);
    auto visitor = test::connect_to(helper);
    bool is_request_whole = false;
    std::thread backend([&] {
        auto served = listener.accept();
        std::thread sender([&] {
            EXPECT_TRUE(served.send(answer));
            served.shutdown_write();
        });
        const auto got = served.receive_all();
        EXPECT_EQ(got.bytes.size(), request.size());
        is_request_whole = got.ending == Ending::Fin && hash_of(got.bytes) == hash_of(request);
        sender.join();
    });
    std::thread sender([&] {
        EXPECT_TRUE(visitor.send(request));
        visitor.shutdown_write();
    });
    const auto got = visitor.receive_all();
    EXPECT_EQ(got.bytes.size(), answer.size());
    sender.join();
    backend.join();
    return is_request_whole && got.ending == Ending::Fin && hash_of(got.bytes) == hash_of(answer);
}

TEST_P(BothEnds, CarryVisitorsBothWays) {
    BlockingListener first;
    BlockingListener second;
    TestAgent agent(agent_for({{"blog", first.port()}, {"shop", second.port()}}));
    const auto blog = port_of("blog");
    const auto shop = port_of("shop");
    for (const auto& [up, down] : std::vector<std::pair<std::size_t, std::size_t>>{
             {0, 0}, {1, 0}, {0, 1}, {5, 100'000}, {3'000'000, 2'000'000}}) {
        EXPECT_TRUE(exchange(blog, first, up, down, up + down));
    }
    std::vector<std::thread> visitors;
    visitors.emplace_back([&] { EXPECT_TRUE(exchange(blog, first, 400'000, 300'000, 7)); });
    visitors.emplace_back([&] { EXPECT_TRUE(exchange(shop, second, 300'000, 400'000, 9)); });
    for (auto& visitor : visitors) {
        visitor.join();
    }
}

TEST_P(BothEnds, CarryFiveHundredServices) {
    BlockingListener backend;
    auto options = agent_for({});
    for (int i = 0; i < 500; ++i) {
        options.services.push_back({.name = fmt::format("name{}", i),
                                    .backend = {.host = "127.0.0.1", .port = backend.port()}});
    }
    TestAgent agent(options);
    EXPECT_TRUE(eventually([&] { return agent.log().count("is registered") == 500; }));
    EXPECT_TRUE(exchange(port_of("name0"), backend, 1'000, 1'000, 1));
    EXPECT_TRUE(exchange(port_of("name499"), backend, 1'000, 1'000, 2));
    EXPECT_EQ(agent.log().count("connected to the gateway"), 1U);
}

TEST_P(BothEnds, CarryVisitorsOverProtocolOne) {
    BlockingListener backend;
    auto options = agent_for({{"blog", backend.port()}});
    options.protocol = 1;
    TestAgent agent(options);
    auto visitor = test::connect_to(port_of("blog"));
    ASSERT_TRUE(visitor.send("request"));
    auto served = backend.accept();
    EXPECT_EQ(served.receive(7).bytes, "request");
    const auto answer = test::pattern(3, 500'000);
    ASSERT_TRUE(served.send(answer));
    served.shutdown_write();
    EXPECT_EQ(hash_of(visitor.receive_all().bytes), hash_of(answer));
}

TEST_P(BothEnds, ABackendThatRefusesResetsItsVisitorOnly) {
    std::uint16_t closed_port = 0;
    {
        const BlockingListener gone;
        closed_port = gone.port();
    }
    BlockingListener backend;
    TestAgent agent(agent_for({{"dead", closed_port}, {"blog", backend.port()}}));
    auto visitor = test::connect_to(port_of("dead"));
    EXPECT_EQ(visitor.receive_all().ending, Ending::Reset);
    EXPECT_TRUE(exchange(port_of("blog"), backend, 1'000, 1'000, 1));
}

TEST_P(BothEnds, AResetPassesBothWays) {
    BlockingListener backend;
    TestAgent agent(agent_for({{"blog", backend.port()}}));
    const auto helper = port_of("blog");
    {
        auto visitor = test::connect_to(helper);
        auto served = backend.accept();
        visitor.reset();
        EXPECT_EQ(served.receive_all().ending, Ending::Reset);
    }
    auto visitor = test::connect_to(helper);
    auto served = backend.accept();
    served.reset();
    EXPECT_EQ(visitor.receive_all().ending, Ending::Reset);
}

TEST_P(BothEnds, ADrainLetsStreamsEndAndTellsTheAgent) {
    BlockingListener backend;
    TestAgent agent(agent_for({{"blog", backend.port()}}));
    const auto helper = port_of("blog");
    auto visitor = test::connect_to(helper);
    auto served = backend.accept();
    ASSERT_TRUE(visitor.send("request"));
    EXPECT_EQ(served.receive(7).bytes, "request");

    std::thread stopping([&] { EXPECT_LT(gateway_->stop(15s), 10s); });
    EXPECT_TRUE(eventually([&] { return agent.log().count("the gateway stops") > 0; }));
    EXPECT_THROW(std::ignore = test::connect_to(helper), std::runtime_error);
    ASSERT_TRUE(served.send("the whole answer"));
    served.shutdown_write();
    const auto got = visitor.receive_all();
    EXPECT_EQ(got.bytes, "the whole answer");
    EXPECT_EQ(got.ending, Ending::Fin);
    visitor.shutdown_write();
    stopping.join();
    EXPECT_TRUE(agent.end());
}

TEST_P(BothEnds, ADrainEndsInTimeAndSoDoesOneCutShort) {
    for (const bool cut_short : {false, true}) {
        BlockingListener backend;
        TestAgent agent(agent_for({{"blog", backend.port()}}));
        auto visitor = test::connect_to(port_of("blog"));
        auto served = backend.accept();
        std::thread hurry;
        if (cut_short) {
            hurry = std::thread([&] {
                EXPECT_TRUE(eventually([&] { return agent.log().count("the gateway stops") > 0; }));
                gateway_->gateway().cut_short();
            });
        }
        EXPECT_LT(gateway_->stop(cut_short ? 60s : 300ms), 5s);
        if (hurry.joinable()) {
            hurry.join();
        }
        EXPECT_EQ(visitor.receive_all().ending, Ending::Reset);
        EXPECT_EQ(served.receive_all().ending, Ending::Reset);
        EXPECT_TRUE(agent.end());
        gateway_ = std::make_unique<test::TestGateway>(GetParam());
    }
}

TEST_P(BothEnds, AnAgentThatStopsLetsStreamsEndAndFreesItsNames) {
    BlockingListener backend;
    TestAgent agent(agent_for({{"blog", backend.port()}}));
    const auto helper = port_of("blog");
    auto visitor = test::connect_to(helper);
    auto served = backend.accept();
    std::thread stopping([&] { agent.stop(); });
    EXPECT_TRUE(eventually([&] {
        try {
            std::ignore = test::connect_to(helper);
            return false;
        } catch (const std::runtime_error&) {
            return true;  // no more visitors
        }
    }));
    ASSERT_TRUE(served.send("the whole answer"));
    served.shutdown_write();
    EXPECT_EQ(visitor.receive_all().bytes, "the whole answer");
    visitor.shutdown_write();
    stopping.join();
    EXPECT_TRUE(eventually([&] { return gateway_->log().count("unregister domain 'blog'") == 1; }));
}

TEST_P(BothEnds, TwoCopiesNeverFight) {
    BlockingListener backend;
    TestAgent holder(agent_for({{"blog", backend.port()}}));
    ASSERT_NE(port_of("blog"), 0);
    {
        TestAgent copy(agent_for({{"blog", backend.port()}}));
        const auto end = copy.end();
        ASSERT_TRUE(end);
        EXPECT_EQ(end->code, Errc::NameInUse);
        EXPECT_THAT(end->text, testing::HasSubstr("--takeover"));
    }
    auto options = agent_for({{"blog", backend.port()}});
    options.takeover = true;
    TestAgent taker(options);
    EXPECT_TRUE(eventually([&] { return taker.is_registered("blog"); }));
    const auto end = holder.end();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->code, Errc::NameReplaced);
    EXPECT_TRUE(exchange(port_of("blog", 2), backend, 10'000, 10'000, 3));
}

TEST_P(BothEnds, ANameTakenOverIsNotAskedForAgainAfterAReconnect) {
    BlockingListener backend;
    auto options = agent_for({{"blog", backend.port()}, {"shop", backend.port()}});
    options.once = false;
    options.takeover = true;
    TestAgent loser(options);
    ASSERT_NE(port_of("blog"), 0);
    ASSERT_NE(port_of("shop"), 0);
    options.services.pop_back();
    TestAgent taker(options);
    EXPECT_TRUE(eventually([&] { return loser.log().count("replaced by agent") > 0; }));
    ASSERT_NE(port_of("blog", 2), 0);  // the taker has it, too
    gateway_->gateway().cut_short();   // both are back at once
    EXPECT_TRUE(exchange(port_of("blog", 3), backend, 1'000, 1'000, 4));
    ASSERT_NE(port_of("shop", 2), 0);
    EXPECT_EQ(loser.log().count("name 'blog' is registered"), 1U);
    EXPECT_EQ(taker.log().count("replaced"), 0U);
}

TEST_P(BothEnds, TheAgentComesBackAfterALostSession) {
    BlockingListener backend;
    auto options = agent_for({{"blog", backend.port()}});
    options.once = false;
    TestAgent agent(options);
    const auto before = port_of("blog");
    EXPECT_TRUE(exchange(before, backend, 1'000, 1'000, 1));
    gateway_->gateway().cut_short();
    const auto after = port_of("blog", 2);
    EXPECT_EQ(after, before);
    EXPECT_TRUE(exchange(after, backend, 1'000, 1'000, 2));
}

INSTANTIATE_TEST_SUITE_P(Workers, BothEnds, testing::Values(1, 2));

}  // namespace
}  // namespace diglett::app
