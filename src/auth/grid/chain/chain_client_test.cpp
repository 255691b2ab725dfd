#include "auth/grid/chain/chain_client.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/grid/chain/limits.hpp"
#include "net/sleep.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::auth::grid {
namespace {

using namespace std::chrono_literals;
using test::NodeMode;
using testing::HasSubstr;

constexpr std::uint32_t kTwin = 1;

class ChainClientTest : public testing::Test {
  protected:
    ChainClientTest() {
        ChainOptions options;
        options.endpoints = {*parse_node_url("wss://first"), *parse_node_url("https://second")};
        options.retry_pause = 1ms;
        std::size_t made = 0;
        client_ = std::make_unique<ChainClient>(
            context_.get_executor(), options,
            [&](const NodeUrl&) {
                return std::make_shared<test::FakeLink>(made++ == 0 ? first_ : second_);
            },
            clocks_.clocks(), log_.logger());
    }

    ~ChainClientTest() override {
        test::run_coroutine(context_, client_->stop());
        client_.reset();
    }

    template <class T>
    T run(net::Awaitable<T> work) {
        std::optional<T> result;
        test::run_coroutine(context_, test::detail::keep_result(std::move(work), result));
        return std::move(result).value();
    }

    ChainResult<Block> head() { return run(client_->head(Clock::now() + 5s)); }

    ChainResult<std::vector<StorageValue>> read(const Block& block) {
        return run(
            client_->read(block, {twin_key(kTwin), contract_key(404)}, "", Clock::now() + 10s));
    }

    /// Lets what goes on aside come to its end.
    void settle() {
        context_.restart();
        context_.run_for(20ms);
    }

    /// Both nodes are of one chain.
    void seal() {
        first_.seal();
        second_.seal();
    }

    test::ManualClocks clocks_;
    test::FakeNode first_{clocks_};
    test::FakeNode second_{clocks_};
    test::LogCapture log_;
    net::asio::io_context context_;
    std::unique_ptr<ChainClient> client_;
};

TEST_F(ChainClientTest, ReadsTheFirstNode) {
    const auto block = head();
    ASSERT_TRUE(block);
    EXPECT_EQ(*block, (Block{.hash = first_.head(), .time = clocks_.wall()}));
    const auto values = read(*block);
    ASSERT_TRUE(values);
    EXPECT_EQ(values->at(0), first_.chain.at(twin_key(kTwin)));
    EXPECT_EQ(values->at(1), std::nullopt);
    EXPECT_TRUE(second_.asked.empty());
}

TEST_F(ChainClientTest, TakesTheNextNodeWhateverIsWrong) {
    for (const auto mode : {NodeMode::Gone, NodeMode::Late, NodeMode::Garbage, NodeMode::WrongId,
                            NodeMode::StateError, NodeMode::Stale, NodeMode::Ahead,
                            NodeMode::OtherChain, NodeMode::NoHash}) {
        SCOPED_TRACE(static_cast<int>(mode));
        first_.mode = mode;
        clocks_.pass(6min);  // also past the time when the program is looked at again
        seal();
        const auto before = second_.asked["chain_getFinalizedHead"];
        EXPECT_TRUE(head());
        EXPECT_EQ(second_.asked["chain_getFinalizedHead"], before + 1);
        first_.mode = NodeMode::Well;
        clocks_.pass(20s);
        seal();
        EXPECT_TRUE(head());  // by the second; the first is looked at aside
        settle();
        const auto now_second = second_.asked["chain_getFinalizedHead"];
        EXPECT_TRUE(head());
        EXPECT_EQ(second_.asked["chain_getFinalizedHead"], now_second) << "the first is back";
    }
}

TEST_F(ChainClientTest, TellsWhatIsWrong) {
    second_.mode = NodeMode::Gone;
    const std::map<NodeMode, Trouble> troubles{
        {NodeMode::Gone, Trouble::Unreachable},      {NodeMode::Late, Trouble::Unreachable},
        {NodeMode::Garbage, Trouble::NotUnderstood}, {NodeMode::WrongId, Trouble::NotUnderstood},
        {NodeMode::StateError, Trouble::NodeFailed}, {NodeMode::Stale, Trouble::Stale},
        {NodeMode::Ahead, Trouble::Stale},           {NodeMode::OtherChain, Trouble::OtherChain},
        {NodeMode::NoHash, Trouble::NotUnderstood},  {NodeMode::Well, Trouble::Busy}};
    for (const auto& [mode, trouble] : troubles) {
        SCOPED_TRACE(static_cast<int>(mode));
        first_.mode = mode;
        clocks_.pass(6min);
        seal();
        const auto reports = run(client_->check());
        ASSERT_EQ(reports.size(), 2U);
        EXPECT_EQ(reports[0].usable, mode == NodeMode::Well);
        EXPECT_EQ(reports[0].problem.empty(), mode == NodeMode::Well);
        EXPECT_EQ(reports[0].mend.empty(), mode == NodeMode::Well);
        if (mode == NodeMode::Well) {
            EXPECT_EQ(to_string(reports[0]),
                      "wss://first:443: substrate-threefold version 152, newest block 0.0 s old");
        }
        EXPECT_THAT(to_string(reports[1]), HasSubstr("https://second:443: connection refused"));
    }
}

TEST_F(ChainClientTest, LeavesAFailedNodeAloneForAWhileAndNeverForLong) {
    first_.mode = NodeMode::Gone;
    second_.mode = NodeMode::Gone;
    EXPECT_FALSE(head());
    auto asked = first_.asked["state_getRuntimeVersion"];
    EXPECT_EQ(asked, 1U);
    const auto refused = head();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("wss://first:443: connection refused"));
    EXPECT_EQ(first_.asked["state_getRuntimeVersion"], asked) << "asked during its pause";
    // Chance is 0: half of 250 ms, doubled each time, and never over half of 10 s.
    for (auto pause = 125ms; pause < 5s; pause *= 2) {
        clocks_.pass(pause - 1ms);
        EXPECT_FALSE(head());
        EXPECT_EQ(first_.asked["state_getRuntimeVersion"], asked) << pause.count();
        clocks_.pass(1ms);
        EXPECT_FALSE(head());
        EXPECT_EQ(first_.asked["state_getRuntimeVersion"], ++asked) << pause.count();
    }
    for (int i = 0; i < 3; ++i) {
        clocks_.pass(5s);
        EXPECT_FALSE(head());
        EXPECT_EQ(first_.asked["state_getRuntimeVersion"], ++asked);
    }
    first_.mode = NodeMode::Well;
    clocks_.pass(10s);
    seal();
    EXPECT_TRUE(head());
    EXPECT_EQ(log_.count("wss://first:443: connection refused"), 1U) << "said once";
    EXPECT_EQ(log_.count("wss://first:443 answers again"), 1U);
}

TEST_F(ChainClientTest, ReadsABlockAtTheNodeThatHasIt) {
    const auto block = head();
    ASSERT_TRUE(block);
    first_.forget(block->hash);
    EXPECT_TRUE(read(*block));
    EXPECT_EQ(second_.count(twin_key(kTwin)), 1U);
    second_.forget(block->hash);
    const auto values = read(*block);
    ASSERT_FALSE(values);
    EXPECT_EQ(values.error().trouble, Trouble::NodeFailed);
}

TEST_F(ChainClientTest, NeverGoesBackToAnOlderBlock) {
    clocks_.pass(6s);
    seal();
    const auto newest = head();
    ASSERT_TRUE(newest);
    first_.step_back();
    EXPECT_EQ(head(), *newest);
    clocks_.pass(70s);  // nothing is left of it; a chain that was set back goes on
    first_.seal();
    EXPECT_NE(head()->hash, "");
    EXPECT_EQ(head()->time, clocks_.wall());
}

TEST_F(ChainClientTest, AsksEqualQuestionsOnce) {
    std::vector<std::optional<ChainResult<Block>>> heads(50);
    for (auto& slot : heads) {
        net::asio::co_spawn(context_.get_executor(),
                            test::detail::keep_result(client_->head(kNever), slot),
                            [](const std::exception_ptr&) {});
    }
    settle();
    const auto block = **heads.front();
    EXPECT_EQ(first_.asked["chain_getFinalizedHead"], 1U);
    std::vector<std::optional<ChainResult<std::vector<StorageValue>>>> values(50);
    for (auto& slot : values) {
        net::asio::co_spawn(
            context_.get_executor(),
            test::detail::keep_result(client_->read(block, {twin_key(kTwin)}, "", kNever), slot),
            [](const std::exception_ptr&) {});
    }
    settle();
    for (const auto& slot : values) {
        ASSERT_TRUE(slot && *slot);
        EXPECT_EQ((*slot)->front(), first_.chain.at(twin_key(kTwin)));
    }
    EXPECT_EQ(first_.count(twin_key(kTwin)), 1U);
    EXPECT_TRUE(head());
    EXPECT_EQ(first_.asked["chain_getFinalizedHead"], 2U) << "an answer is not kept";
}

TEST_F(ChainClientTest, HasNoMoreThanSoManyQuestionsUnderWay) {
    ChainOptions options;
    options.endpoints = {*parse_node_url("ws://127.0.0.1:1")};
    options.queue = {.at_once = 2, .waiting = 100, .waiting_per_source = 100};
    const auto link = std::make_shared<test::FakeLink>(first_);
    ChainClient narrow(
        context_.get_executor(), options, [&](const NodeUrl&) { return link; }, clocks_.clocks(),
        log_.logger());
    const auto block = run(narrow.head(kNever)).value();
    std::vector<ByteVector> keys;
    std::vector<StorageValue> expected;
    for (std::uint32_t twin = 0; twin < 50; ++twin) {
        keys.push_back(twin_key(twin));
        expected.push_back(first_.chain.at(keys.back()));
    }
    const auto values = run(narrow.read(block, keys, "", kNever));
    ASSERT_TRUE(values);
    EXPECT_EQ(*values, expected);
    EXPECT_EQ(link->most_at_once, 2U);
    const auto again = run(narrow.read(block, keys, "", kNever));
    EXPECT_TRUE(again) << "the same again: the slots were given back";
    test::run_coroutine(context_, narrow.stop());
}

/// Carries two requests at once; each takes a while.
class SlowLink final : public NodeLink {
  public:
    explicit SlowLink(test::FakeNode& node) : node_(node) {}

    std::size_t capacity() const override { return 2; }

    net::Awaitable<Result<std::string>> exchange(std::uint64_t, std::string request,
                                                 TimePoint deadline) override {
        most_at_once = std::max(most_at_once, ++at_once_);
        const auto done = Clock::now() + 30ms;
        auto sleeping = net::sleep_until(std::min(done, deadline));
        (void)co_await std::move(sleeping);
        --at_once_;
        if (deadline < done) {
            co_return fail(Errc::TimedOut, "no answer in time");
        }
        co_return node_.answer(request);
    }

    void close() override {}

    std::size_t most_at_once = 0;

  private:
    std::size_t at_once_ = 0;
    test::FakeNode& node_;
};

TEST_F(ChainClientTest, OurOwnCrowdIsNoFaultOfANodeWithFewConnections) {
    ChainOptions options;
    options.endpoints = {*parse_node_url("http://127.0.0.1:1")};
    options.patience = 100ms;
    const auto link = std::make_shared<SlowLink>(first_);
    ChainClient crowded(
        context_.get_executor(), options, [&](const NodeUrl&) { return link; }, clocks_.clocks(),
        log_.logger());
    const auto block = run(crowded.head(kNever)).value();
    std::vector<ByteVector> keys;
    for (std::uint32_t twin = 0; twin < 30; ++twin) {
        keys.push_back(twin_key(twin));
    }
    std::optional<ChainResult<std::vector<StorageValue>>> crowd;
    net::asio::co_spawn(
        context_.get_executor(),
        test::detail::keep_result(crowded.read(block, keys, "crowd", kNever), crowd),
        [](const std::exception_ptr&) {});
    context_.restart();
    context_.poll();
    EXPECT_TRUE(run(crowded.read(block, {contract_key(11)}, "other", kNever)))
        << "another source takes its turn";
    context_.restart();
    context_.run_for(300ms);
    ASSERT_TRUE(crowd);
    ASSERT_FALSE(*crowd);
    EXPECT_EQ(crowd->error().trouble, Trouble::Busy);
    EXPECT_EQ(link->most_at_once, 2U);
    EXPECT_TRUE(run(crowded.head(kNever))) << "the node is well";
    EXPECT_EQ(log_.count("127.0.0.1"), 1U) << "its version, and no warning";
    test::run_coroutine(context_, crowded.stop());
}

/// Carries two requests at once; when it hangs, none is answered, and giving up takes a moment.
class HangingLink final : public NodeLink {
  public:
    explicit HangingLink(test::FakeNode& node) : node_(node) {}

    std::size_t capacity() const override { return 2; }

    net::Awaitable<Result<std::string>> exchange(std::uint64_t, std::string request,
                                                 TimePoint deadline) override {
        if (!hangs) {
            co_return node_.answer(request);
        }
        ++asked_in_vain;
        auto sleeping = net::sleep_until(deadline + 5ms);
        (void)co_await std::move(sleeping);
        co_return fail(Errc::TimedOut, "no answer in time");
    }

    void close() override {}

    bool hangs = false;
    int asked_in_vain = 0;

  private:
    test::FakeNode& node_;
};

TEST_F(ChainClientTest, WhoWaitsBehindANodeThatHangsAsksTheNext) {
    ChainOptions options;
    options.endpoints = {*parse_node_url("http://127.0.0.1:1"),
                         *parse_node_url("http://127.0.0.1:2")};
    options.patience = 400ms;
    const auto hanging = std::make_shared<HangingLink>(first_);
    const auto well = std::make_shared<HangingLink>(second_);
    std::size_t made = 0;
    ChainClient client(
        context_.get_executor(), options,
        [&](const NodeUrl&) { return made++ == 0 ? hanging : well; }, clocks_.clocks(),
        log_.logger());
    const auto block = run(client.head(kNever)).value();
    std::vector<ByteVector> keys;
    std::vector<StorageValue> expected;
    for (std::uint32_t twin = 0; twin < 20; ++twin) {
        keys.push_back(twin_key(twin));
        expected.push_back(second_.chain.at(keys.back()));
    }
    hanging->hangs = true;
    const auto began = Clock::now();
    EXPECT_EQ(run(client.read(block, keys, "", kNever)), expected);
    EXPECT_LT(Clock::now() - began, 2 * options.patience) << "nobody waits a second time";
    EXPECT_EQ(hanging->asked_in_vain, 2) << "nobody asks a node that is known to hang";
    EXPECT_EQ(log_.count("127.0.0.1:1: no answer in time"), 1U);
    test::run_coroutine(context_, client.stop());
}

TEST_F(ChainClientTest, WhatEverybodyAsksWaitsInNoCrowdsLine) {
    ChainOptions options;
    options.endpoints = {*parse_node_url("ws://127.0.0.1:1")};
    options.queue.at_once = 1;
    ChainClient narrow(
        context_.get_executor(), options,
        [&](const NodeUrl&) { return std::make_shared<test::FakeLink>(first_); }, clocks_.clocks(),
        log_.logger());
    const auto block = run(narrow.head(kNever)).value();
    std::vector<ByteVector> keys;
    for (std::uint32_t twin = 0; twin < 30; ++twin) {
        keys.push_back(twin_key(twin));
    }
    keys.push_back(twin_pallet_version_key());
    keys.push_back(contract_pallet_version_key());
    std::optional<ChainResult<std::vector<StorageValue>>> crowd;
    net::asio::co_spawn(context_.get_executor(),
                        test::detail::keep_result(narrow.read(block, keys, "crowd", kNever), crowd),
                        [](const std::exception_ptr&) {});
    context_.restart();
    context_.run_one();
    const std::vector<ByteVector> shared{twin_pallet_version_key(), contract_pallet_version_key()};
    EXPECT_TRUE(run(narrow.read(block, shared, "other", kNever)));
    EXPECT_FALSE(crowd);
    EXPECT_EQ(first_.count(twin_key(29)), 0U) << "the crowd is still waiting";
    settle();
    EXPECT_TRUE(crowd && *crowd);
    EXPECT_EQ(first_.count(twin_pallet_version_key()), 1U) << "asked once for both";
    test::run_coroutine(context_, narrow.stop());
}

TEST_F(ChainClientTest, HttpHasFewConnections) {
    const auto trust = NodeTrust::load("");
    ASSERT_TRUE(trust) << trust.error().text;
    net::TaskGroup tasks(context_.get_executor());
    const auto http = make_node_link(*parse_node_url("http://127.0.0.1:1"), *trust, tasks);
    EXPECT_EQ(http->capacity(), kMaxConnections);
    const auto web_socket = make_node_link(*parse_node_url("ws://127.0.0.1:1"), *trust, tasks);
    EXPECT_GE(web_socket->capacity(), FairQueue::Limits().at_once);
}

TEST_F(ChainClientTest, RefusesWhatTheQueueHasNoRoomFor) {
    ChainOptions options;
    options.endpoints = {*parse_node_url("ws://127.0.0.1:1")};
    options.queue = {.at_once = 1, .waiting = 10, .waiting_per_source = 10};
    ChainClient narrow(
        context_.get_executor(), options,
        [&](const NodeUrl&) { return std::make_shared<test::FakeLink>(first_); }, clocks_.clocks(),
        log_.logger());
    const auto block = run(narrow.head(kNever)).value();
    std::vector<ByteVector> keys;
    for (std::uint32_t twin = 0; twin < 12; ++twin) {
        keys.push_back(twin_key(twin));
    }
    const auto values = run(narrow.read(block, keys, "", kNever));
    ASSERT_FALSE(values);
    EXPECT_EQ(values.error().trouble, Trouble::Busy);
    EXPECT_TRUE(run(narrow.head(kNever))) << "the node is not to blame";
    test::run_coroutine(context_, narrow.stop());
}

TEST_F(ChainClientTest, ReadsTheBestBlockWhenAsked) {
    ChainOptions options;
    options.endpoints = {*parse_node_url("ws://127.0.0.1:1")};
    options.read_best = true;
    ChainClient best(
        context_.get_executor(), options,
        [&](const NodeUrl&) { return std::make_shared<test::FakeLink>(first_); }, clocks_.clocks(),
        log_.logger());
    EXPECT_TRUE(run(best.head(kNever)));
    EXPECT_EQ(first_.asked["chain_getBlockHash"], 1U);
    EXPECT_EQ(first_.asked["chain_getFinalizedHead"], 0U);
    test::run_coroutine(context_, best.stop());
}

TEST_F(ChainClientTest, AsksForTheNewestBlockAnewForWhoComesLater) {
    std::vector<std::optional<ChainResult<Block>>> heads(3);
    const auto ask = [&](auto& slot) {
        net::asio::co_spawn(context_.get_executor(),
                            test::detail::keep_result(client_->head(kNever), slot),
                            [](const std::exception_ptr&) {});
    };
    ask(heads[0]);
    context_.restart();
    while (first_.asked["chain_getFinalizedHead"] == 0) {
        ASSERT_EQ(context_.run_one(), 1U);
    }
    seal();  // the first question was answered with the block before
    ask(heads[1]);
    ask(heads[2]);
    settle();
    ASSERT_TRUE(heads[0] && *heads[0] && heads[1] && *heads[1] && heads[2] && *heads[2]);
    EXPECT_EQ((*heads[1])->hash, first_.head());
    EXPECT_EQ((*heads[2])->hash, first_.head());
    EXPECT_EQ(first_.asked["chain_getFinalizedHead"], 2U);
}

TEST_F(ChainClientTest, LooksAtTheProgramAgainAfterMinutes) {
    EXPECT_TRUE(head());
    clocks_.pass(59s);
    EXPECT_TRUE(head());
    EXPECT_EQ(first_.asked["state_getRuntimeVersion"], 1U);
    clocks_.pass(5min);
    seal();
    EXPECT_TRUE(head());
    EXPECT_EQ(first_.asked["state_getRuntimeVersion"], 2U);
    EXPECT_EQ(log_.count("runs substrate-threefold version 152"), 1U);
}

TEST_F(ChainClientTest, StopAnswersWhoStillWaits) {
    std::optional<ChainResult<Block>> slot;
    net::asio::co_spawn(context_.get_executor(),
                        test::detail::keep_result(client_->head(kNever), slot),
                        [](const std::exception_ptr&) {});
    context_.restart();
    context_.run_one();
    test::run_coroutine(context_, client_->stop());
    settle();
    ASSERT_TRUE(slot);
    EXPECT_FALSE(*slot);
}

TEST_F(ChainClientTest, AnswersAtOnceAfterStop) {
    const auto block = head();
    ASSERT_TRUE(block);
    test::run_coroutine(context_, client_->stop());
    const auto began = Clock::now();
    EXPECT_FALSE(run(client_->head(began + 3s)));
    EXPECT_FALSE(run(client_->read(*block, {twin_key(kTwin)}, "", began + 3s)));
    EXPECT_LT(Clock::now() - began, 2s);
}

}  // namespace
}  // namespace diglett::auth::grid
