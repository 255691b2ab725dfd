// An agent against gateways played by the test, over real TLS. (protocol 2, 9)
#include <atomic>
#include <chrono>
#include <future>
#include <set>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/agent.hpp"
#include "agent/limits.hpp"
#include "crypto/identity_key.hpp"
#include "net/worker_pool.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/scripted_peer.hpp"

namespace diglett::agent {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::PlainFrame;
using test::ScriptedPeer;
using wire::FrameKind;
using Code = wire::RefusalCode;

crypto::ServerTls server_tls() {
    static const auto key = crypto::IdentityKey::generate();
    return crypto::ServerTls::create(key).value();
}

PlainFrame hello() {
    wire::Hello message;
    message.link_limit = 1 << 20;
    message.stream_limit = 1 << 18;
    return frame(FrameKind::Hello, 0, message);
}

PlainFrame welcome() {
    return frame(
        FrameKind::Welcome, 0,
        wire::Welcome{
            .identity = "tokens:a", .max_streams = 9, .max_registrations = 9, .next_pins = {}});
}

PlainFrame ok(std::uint32_t id) {
    return frame(FrameKind::Ok, id, wire::Registered{.name = "blog", .url = "https://blog"});
}

PlainFrame error(std::uint32_t id, Code code, std::uint32_t retry_ms = 0) {
    return frame(FrameKind::Error, id,
                 wire::Refusal{.code = code, .text = "the gateway's words", .retry_ms = retry_ms});
}

PlainFrame open_stream(std::uint32_t id, std::uint32_t registration = 1) {
    wire::Open message;
    message.registration = {registration};
    message.initial_limit = 1 << 18;
    return frame(FrameKind::Open, id, message);
}

class AgentSession : public testing::Test {
  protected:
    ~AgentSession() override { stop_at_once(); }

    void stop_at_once() {
        if (end_.valid()) {
            net::asio::post(pool_->executor(0), net::asio::use_future([this] {
                                std::ignore = agent_->stop();
                                agent_->cut_short();
                            }))
                .get();
            std::ignore = end();
        }
    }

    template <class Condition>
    static bool eventually(Condition condition) {
        for (const TimePoint end = Clock::now() + 20s; Clock::now() < end;
             std::this_thread::sleep_for(2ms)) {
            if (condition()) {
                return true;
            }
        }
        return false;
    }

    /// Starts an agent with these names.
    void start(const std::vector<std::string>& names, bool once = true) {
        std::vector<Service> services;
        for (const auto& name : names) {
            services.push_back(
                {.name = name, .backend = {.host = "127.0.0.1", .port = backend_.port()}});
        }
        known_.emplace(KnownGateways::load(nullptr).value());
        agent_ = std::make_unique<Agent>(
            Agent::Options{.gateway = {.host = "127.0.0.1", .port = listener_.port()},
                           .services = services,
                           .once = once,
                           .software = "test",
                           .memory_budget = 1 << 28},
            Agent::Parts{.tls = crypto::ClientTls::create({}).value(),
                         .trust = GatewayTrust({}, *known_, {}, {}),
                         .key = crypto::AgentKey::generate(),
                         .credential = [this] { return credential_(); },
                         .has_other_credential = has_other_credential_,
                         .on_public_url = [](const std::string&) {},
                         .random = [] { return 0.0; }},
            pool_->executor(0), log_.logger());
        end_ = net::asio::co_spawn(pool_->executor(0), agent_->run(), net::asio::use_future);
    }

    /// The gateway's end of the agent's next connection, handshake done.
    std::unique_ptr<ScriptedPeer> accept() {
        return std::make_unique<ScriptedPeer>(listener_.accept(), server_tls().accept());
    }

    /// The same, after the agent's whole opening flight of `names` names.
    std::unique_ptr<ScriptedPeer> accept_opening() {
        auto gateway = accept();
        EXPECT_TRUE(gateway->receive(FrameKind::FinishRegister));
        return gateway;
    }

    /// Waits for the end of run(), 30 s at most.
    std::optional<Error> end() {
        if (end_.wait_for(30s) != std::future_status::ready) {
            ADD_FAILURE() << "the agent did not end";
            std::abort();
        }
        return end_.get();
    }

    Errc end_code() { return end().value_or(Error{Errc{}, ""}).code; }

    test::BlockingListener listener_;
    test::BlockingListener backend_;
    test::LogCapture log_;
    std::optional<KnownGateways> known_;
    std::function<bool(const Secret& used)> has_other_credential_;
    std::function<Result<Secret>()> credential_ = [] {
        return Result<Secret>(Secret("the-token"));
    };
    std::unique_ptr<net::WorkerPool> pool_ = std::make_unique<net::WorkerPool>(1, "agent");
    std::unique_ptr<Agent> agent_;
    std::future<std::optional<Error>> end_;
};

TEST_F(AgentSession, SaysAllInOneFlight) {
    start({"blog", "shop"});
    auto gateway = accept();
    const FrameKind expected[] = {FrameKind::Hello, FrameKind::Login, FrameKind::Register,
                                  FrameKind::Register, FrameKind::FinishRegister};
    for (const FrameKind kind : expected) {
        const auto next = gateway->receive();
        ASSERT_TRUE(next);
        EXPECT_EQ(next->kind, kind);
        if (kind == FrameKind::Login) {
            const auto login = wire::decode<wire::Login>(next->payload);
            ASSERT_TRUE(login);
            EXPECT_EQ(login->token, "the-token");
            EXPECT_TRUE(crypto::verify_login(
                login->agent_key, gateway->channel().exporter("EXPORTER-diglett-2-login").value(),
                login->agent_signature));
        }
    }
    gateway->send({hello(), welcome(), ok(1), ok(2)});
    EXPECT_TRUE(gateway->is_alive());
    EXPECT_EQ(log_.count("is registered"), 2U);
}

TEST_F(AgentSession, AsksForManyNamesAsAnswersCome) {
    std::vector<std::string> names;
    for (int i = 0; i < 150; ++i) {
        names.push_back(fmt::format("name{}", i));
    }
    start(names);
    auto gateway = accept();
    ASSERT_TRUE(gateway->receive(FrameKind::Login));
    std::uint32_t asked = 0;
    auto next = gateway->receive();
    for (; next && next->kind == FrameKind::Register; next = gateway->receive()) {
        ++asked;
    }
    ASSERT_TRUE(next);
    EXPECT_EQ(next->kind, FrameKind::FinishRegister);
    EXPECT_EQ(asked, 100U) << "protocol 2.6";
    gateway->send({hello(), welcome()});
    EXPECT_TRUE(gateway->is_alive());
    for (std::uint32_t answered = 1; answered <= 150; ++answered) {
        gateway->send(answered % 2 == 0 ? ok(answered) : error(answered, Code::NameTaken));
        if (answered <= 50) {
            const auto more = gateway->receive(FrameKind::Register);
            ASSERT_TRUE(more);
            EXPECT_EQ(more->id, 100 + answered);
        }
    }
    EXPECT_TRUE(gateway->is_alive());
    EXPECT_EQ(log_.count("is registered"), 75U);
}

TEST_F(AgentSession, HearsOfAllItsLossesAtOnce) {
    std::vector<std::string> names;
    std::vector<PlainFrame> answers{hello(), welcome()};
    std::vector<PlainFrame> losses;
    for (std::uint32_t id = 1; id <= 300; ++id) {
        names.push_back(fmt::format("name{}", id));
        answers.push_back(ok(id));
        losses.push_back(error(id, Code::Replaced));
    }
    start(names);
    auto gateway = accept_opening();
    const auto first = std::span(answers).first(102);
    gateway->send({first.begin(), first.end()});
    for (std::uint32_t id = 101; id <= 300; ++id) {
        ASSERT_TRUE(gateway->receive(FrameKind::Register));
        gateway->send(answers[id + 1]);
    }
    losses.pop_back();
    gateway->send(losses);
    EXPECT_TRUE(gateway->is_alive()) << "a name is left";
    EXPECT_EQ(log_.count("the gateway's words"), 299U);
}

TEST_F(AgentSession, EndsForGoodOnlyForRefusalsThatNoRetryMends) {
    struct Case {
        Code code;
        Errc errc;
    };

    for (const auto& [code, errc] :
         {Case{Code::Credential, Errc::CredentialRefused},
          Case{Code::Expired, Errc::CredentialExpired},
          Case{Code::Version, Errc::UnsupportedVersion}, Case{Code::TryLater, Errc::TryLater},
          Case{Code::Undecided, Errc::Undecided}}) {
        start({"blog"}, !(code == Code::Credential || code == Code::Expired));
        auto gateway = accept_opening();
        gateway->send(
            {hello(), frame(FrameKind::Refused, 0, wire::Refused{.code = code, .text = "no"})});
        gateway->close();
        EXPECT_EQ(end_code(), errc);
    }
}

TEST_F(AgentSession, SaysWhichNamesARefusalCosts) {
    start({"blog"}, false);
    auto gateway = accept_opening();
    gateway->send({hello(), frame(FrameKind::Refused, 0,
                                  wire::Refused{.code = Code::Credential, .text = "no"})});
    auto why = end();
    ASSERT_TRUE(why);
    EXPECT_EQ(*why, (Error{Errc::CredentialRefused, "name 'blog': no"}));
    start({"a", "b", "c", "d", "e"}, false);
    gateway = accept_opening();
    gateway->send(
        {hello(), welcome(),
         frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Credential, .text = "no"})});
    why = end();
    ASSERT_TRUE(why);
    EXPECT_EQ(*why, (Error{Errc::CredentialRefused, "names 'a', 'b', 'c' and 2 more: no"}));
}

TEST_F(AgentSession, ComesBackAfterExpiredOnlyWithAnotherCredential) {
    has_other_credential_ = [](const Secret& used) { return used.expose_secret() == "old"; };
    std::atomic<int> asked = 0;
    credential_ = [&asked] { return Secret(++asked == 1 ? "old" : "new"); };
    start({"blog"}, false);
    for (const std::string token : {"old", "new"}) {
        auto gateway = accept();
        const auto login = gateway->receive(FrameKind::Login);
        ASSERT_TRUE(login);
        EXPECT_EQ(wire::decode<wire::Login>(login->payload)->token, token);
        gateway->send({hello(), frame(FrameKind::Refused, 0,
                                      wire::Refused{.code = Code::Expired, .text = "too old"})});
    }
    EXPECT_EQ(end_code(), Errc::CredentialExpired);
}

TEST_F(AgentSession, AsksForACredentialThatItDidNotHave) {
    credential_ = [] { return Result<Secret>(Secret("")); };
    start({"blog"}, false);
    auto gateway = accept_opening();
    gateway->send({hello(), frame(FrameKind::Refused, 0,
                                  wire::Refused{.code = Code::Credential, .text = "no"})});
    EXPECT_EQ(end_code(), Errc::CredentialMissing);
}

TEST_F(AgentSession, GivesUpANameThatIsRefusedAndKeepsTheOthers) {
    start({"blog", "shop"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), error(1, Code::NameTaken), ok(2)});
    EXPECT_TRUE(gateway->is_alive());
    gateway->send(error(2, Code::Replaced));
    EXPECT_TRUE(gateway->sees_the_end());
    const auto why = end();
    ASSERT_TRUE(why);
    EXPECT_EQ(*why, (Error{Errc::NameReplaced, "name 'shop': the gateway's words"}));
    EXPECT_EQ(log_.count("the gateway's words"), 1U) << "the last loss is for the caller to say";
}

TEST_F(AgentSession, AsksOnlyForNamesItHasNotGivenUpAfterAReconnect) {
    start({"blog", "shop"}, false);
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1), ok(2), error(1, Code::Replaced)});
    ASSERT_TRUE(gateway->is_alive());
    gateway->cut();
    gateway = accept();
    const auto request = gateway->receive(FrameKind::Register);
    ASSERT_TRUE(request);
    EXPECT_EQ(wire::decode<wire::Register>(request->payload)->name, "shop");
    const auto next = gateway->receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->kind, FrameKind::FinishRegister);
}

/// As when it stalled while another agent of its identity took one of its names. (protocol 9.4)
TEST_F(AgentSession, ComesBackWithoutANameThatWasReplacedWhileItStalled) {
    start({"blog", "shop", "wiki"}, false);
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1), ok(2), ok(3)});
    ASSERT_TRUE(gateway->is_alive());
    gateway->send({error(2, Code::Replaced),
                   frame(FrameKind::GoAway, 0,
                         wire::Refusal{.code = Code::TryLater, .text = "no sign of life"})});
    gateway->close();
    gateway = accept();
    std::vector<std::string> asked;
    for (auto next = gateway->receive(); next && next->kind != FrameKind::FinishRegister;
         next = gateway->receive()) {
        if (next->kind == FrameKind::Register) {
            asked.push_back(wire::decode<wire::Register>(next->payload)->name);
        }
    }
    EXPECT_THAT(asked, testing::ElementsAre("blog", "wiki"));
    EXPECT_EQ(log_.count("DIG-4006: name 'shop': the gateway's words"), 1U);
    gateway->send({hello(), welcome(), error(1, Code::Replaced), error(2, Code::Replaced)});
    EXPECT_EQ(end_code(), Errc::NameReplaced) << "none is left";
}

/// Also for one that it had. (protocol 9.1)
TEST_F(AgentSession, AsksAgainForANameThatHasToWait) {
    start({"blog"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), error(1, Code::TryLater, 300)});
    const auto began = Clock::now();
    ASSERT_TRUE(gateway->receive(FrameKind::Register));
    EXPECT_GE(Clock::now() - began, 250ms);
    EXPECT_EQ(log_.count("DIG-2010: name 'blog' has to wait"), 1U);
    gateway->send(ok(2));
    EXPECT_TRUE(gateway->is_alive());
    EXPECT_EQ(log_.count("is registered"), 1U);
    std::uint32_t last = 2;
    for (const Code code : {Code::Undecided, Code::Busy, Code::Elsewhere, Code::Unknown}) {
        gateway->send(error(last, code));
        const auto again = gateway->receive(FrameKind::Register);
        ASSERT_TRUE(again) << wire::to_string(code);
        EXPECT_EQ(again->id, ++last);
    }
}

TEST_F(AgentSession, LeavesAfterAGoAwayAndComesBack) {
    start({"blog"}, false);
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1),
                   frame(FrameKind::GoAway, 0,
                         wire::Refusal{.code = Code::Revoked, .text = "the gateway's words"})});
    EXPECT_TRUE(gateway->sees_the_end());
    EXPECT_EQ(end_code(), Errc::CredentialRefused) << "no name was taken: the credential is";
    EXPECT_EQ(log_.count("the gateway's words"), 0U) << "that is for the caller to say";
}

/// (protocol 9.7)
TEST_F(AgentSession, EndsWithTheNameWhenTheLastThatItHoldsIsRevoked) {
    start({"blog", "shop"}, false);
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), error(2, Code::TryLater, 9'000), ok(1),
                   error(1, Code::Revoked),
                   frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Revoked, .text = "x"})});
    EXPECT_EQ(end_code(), Errc::NameRevoked);
}

/// How long it pauses is read from its log: nobody waits for it here. (protocol 7.5, 9.3)
TEST_F(AgentSession, ComesBackWhenTheGatewayAsksIt) {
    struct Case {
        Code code;
        std::uint32_t retry_ms;
        const char* pause;
    };

    for (const auto& [code, retry_ms, pause] :
         {Case{Code::Shutdown, 0, "5.0 s"}, Case{Code::Shutdown, 7'000, "7.0 s"},
          Case{Code::Shutdown, 4'000, "5.0 s"}, Case{Code::Restart, 6'000, "6.0 s"},
          Case{Code::Busy, 3'000, "3.0 s"}, Case{Code::Shutdown, 60'000, "10.0 s"}}) {
        start({"blog"}, false);
        auto gateway = accept_opening();
        gateway->send({hello(), welcome(), ok(1),
                       frame(FrameKind::GoAway, 0,
                             wire::Refusal{.code = code, .text = "x", .retry_ms = retry_ms})});
        ASSERT_TRUE(gateway->is_alive() || code == Code::Busy);
        gateway->close();
        const auto line = fmt::format("next attempt in {}", pause);
        EXPECT_TRUE(eventually([&] { return log_.count(line) == 1; }))
            << wire::to_string(code) << ' ' << retry_ms;
        stop_at_once();
        log_ = {};
    }
}

/// A gateway that says it goes and does not is left in the end. (protocol 9.3)
TEST_F(AgentSession, LeavesAGatewayThatSaidGoAwayAndStays) {
    start({"blog"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1), open_stream(1)});
    auto served = backend_.accept();
    gateway->send(frame(FrameKind::GoAway, 0,
                        wire::Refusal{.code = Code::Restart, .text = "x", .deadline_ms = 1}));
    const TimePoint begin = Clock::now();
    EXPECT_TRUE(gateway->sees_the_end());
    EXPECT_GE(Clock::now() - begin, wire::kLeaveSlack / 2);
    EXPECT_EQ(served.receive_all().ending, test::Ending::Reset);
    EXPECT_EQ(end_code(), Errc::TimedOut);
}

TEST_F(AgentSession, AsksForNoNameOnceTheGatewayGoes) {
    start({"blog", "shop"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1),
                   frame(FrameKind::GoAway, 0, wire::Refusal{.code = Code::Shutdown, .text = "x"}),
                   error(2, Code::TryLater)});
    ASSERT_TRUE(gateway->is_alive());
    std::this_thread::sleep_for(kMinRetryDelay + 100ms);
    gateway->send(frame(FrameKind::Ping, 0, wire::Ping{77}));
    const auto next = gateway->receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->kind, FrameKind::Pong);
}

TEST_F(AgentSession, ComesBackFromARefusalWhenTheGatewayAsksIt) {
    start({"blog"}, false);
    auto gateway = accept_opening();
    gateway->send(
        {hello(), frame(FrameKind::Refused, 0,
                        wire::Refused{.code = Code::TryLater, .text = "full", .retry_ms = 8'000})});
    gateway->close();
    EXPECT_TRUE(eventually([&] { return log_.count("full; next attempt in 8.0 s") == 1; }));
}

/// No session came about, so there is nothing to wait for. (protocol 2.2, 9.3)
TEST_F(AgentSession, ReportsAGoAwayInPlaceOfAWelcome) {
    for (const auto& [code, errc] :
         {std::pair{Code::Shutdown, Errc::TryLater}, std::pair{Code::Restart, Errc::TryLater},
          std::pair{Code::Protocol, Errc::ProtocolViolation}}) {
        start({"blog"});
        auto gateway = accept_opening();
        gateway->send({hello(), frame(FrameKind::GoAway, 0,
                                      wire::Refusal{.code = code, .text = "the gateway's words"})});
        const auto why = end();
        ASSERT_TRUE(why);
        EXPECT_EQ(*why, (Error{errc, "the gateway's words"})) << wire::to_string(code);
    }
}

/// (protocol 2.3)
TEST_F(AgentSession, LeavesAGatewayWithoutACommonVersionAtOnce) {
    for (const auto& [lowest, highest] : {std::pair{3, 4}, std::pair{0, 1}}) {
        start({"blog"});
        auto gateway = accept_opening();
        const auto began = Clock::now();
        wire::Hello message;
        message.min_version = static_cast<std::uint16_t>(lowest);
        message.max_version = static_cast<std::uint16_t>(highest);
        message.link_limit = 1 << 20;
        gateway->send(frame(FrameKind::Hello, 0, message));
        EXPECT_EQ(end_code(), Errc::UnsupportedVersion);
        EXPECT_LT(Clock::now() - began, kWelcomeTimeout / 2);
    }
}

TEST_F(AgentSession, EscapesWhatTheGatewaySays) {
    for (const bool before_welcome : {true, false}) {
        start({"blog"});
        auto gateway = accept_opening();
        gateway->send(hello());
        if (before_welcome) {
            gateway->send(frame(FrameKind::Refused, 0,
                                wire::Refused{.code = Code::TryLater, .text = "a\n\x1b[2J\\"}));
        } else {
            gateway->send(
                {welcome(), frame(FrameKind::Error, 1,
                                  wire::Refusal{.code = Code::NameTaken, .text = "a\n\x1b[2J\\"})});
        }
        const auto why = end();
        ASSERT_TRUE(why);
        EXPECT_THAT(why->text, testing::EndsWith(R"(a\x0a\x1b[2J\\)"));
    }
}

/// It goes to stdout, where scripts and terminals take it for their own. (protocol 2.7)
TEST_F(AgentSession, PassesNoUrlOnThatIsNone) {
    start({"blog"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(),
                   frame(FrameKind::Ok, 1,
                         wire::Registered{.name = "blog", .url = "https://a\nhttps://forged"})});
    EXPECT_EQ(end_code(), Errc::ProtocolViolation);
    EXPECT_EQ(log_.count("is registered"), 0U);
}

/// Its file may be about to be replaced; before the first connect it is a mistake.
TEST_F(AgentSession, TriesAgainWithoutItsCredentialOnlyOnceItHadIt) {
    std::atomic<int> asked = 0;
    const auto missing = [] { return fail(Errc::UnreadableFile, "no file"); };
    credential_ = [&]() -> Result<Secret> {
        return asked++ == 1 ? missing() : Result<Secret>(Secret("the-token"));
    };
    start({"blog"}, false);
    accept_opening()->cut();
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1)});
    EXPECT_TRUE(gateway->is_alive());
    EXPECT_EQ(asked, 3);
    EXPECT_EQ(log_.count("DIG-1003: no file; next attempt in"), 1U);
    stop_at_once();
    credential_ = [&]() -> Result<Secret> { return missing(); };
    start({"blog"}, false);
    EXPECT_EQ(end_code(), Errc::UnreadableFile);
}

/// (protocol 9.5)
TEST_F(AgentSession, SaysNothingButWhyAfterAViolation) {
    start({"blog"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1)});
    ASSERT_TRUE(gateway->is_alive());
    gateway->send({ok(1), frame(FrameKind::Ping, 0, wire::Ping{9}), open_stream(1)});
    const auto words = gateway->receive();
    ASSERT_TRUE(words);
    EXPECT_EQ(words->kind, FrameKind::GoAway);
    const auto why = wire::decode<wire::Refusal>(words->payload);
    ASSERT_TRUE(why);
    EXPECT_EQ(why->code, Code::Protocol);
    EXPECT_EQ(why->text, "an answer to a registration never made");
    EXPECT_FALSE(gateway->receive_any());
    EXPECT_TRUE(gateway->sees_the_end());
    EXPECT_EQ(end_code(), Errc::ProtocolViolation);
}

TEST_F(AgentSession, DialsAtOpenAndCarriesBothWays) {
    start({"blog"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1), open_stream(1)});
    auto served = backend_.accept();
    ASSERT_TRUE(served.send("banner"));
    EXPECT_EQ(as_text(gateway->receive(FrameKind::Data).value().payload), "banner");
    gateway->send({frame(FrameKind::Data, 1, "request"), frame(FrameKind::End, 1)});
    const auto got = served.receive_all();
    EXPECT_EQ(got.bytes, "request");
    EXPECT_EQ(got.ending, test::Ending::Fin);
    gateway->send(open_stream(2, 77));
    const auto reset = gateway->receive(FrameKind::Reset);
    ASSERT_TRUE(reset);
    EXPECT_EQ(wire::decode<wire::Reset>(reset->payload)->reason, wire::ResetReason::BackendUnknown);
}

TEST_F(AgentSession, EndsAfterEveryStepWithoutLeavingAnything) {
    start({"warm-up"});  // libraries open their files once
    accept()->cut();
    std::ignore = end();
    agent_.reset();
    std::size_t descriptors = 0;
    for (int round = 0; round < 2; ++round) {
        for (int last = 0; last < 6; ++last) {
            start({"blog"});
            auto gateway = accept_opening();
            std::optional<test::BlockingSocket> served;
            const std::vector<PlainFrame> steps[] = {
                {},      {hello()},        {welcome()},
                {ok(1)}, {open_stream(1)}, {frame(FrameKind::Data, 1, "x")}};
            for (int step = 0; step <= last; ++step) {
                gateway->send(steps[step]);
                if (step == 4) {
                    served.emplace(backend_.accept());
                }
                if (step == 5) {
                    EXPECT_EQ(served->receive(1).bytes, "x");
                }
            }
            if (round == 0) {
                gateway->cut();
            } else {
                gateway->close();
            }
            const auto why = end_code();
            EXPECT_TRUE(why == Errc::ConnectionLost) << last << ' ' << dig_code(why);
            if (served) {
                EXPECT_EQ(served->receive_all().ending, test::Ending::Reset);
            }
            served.reset();
            gateway.reset();
            agent_.reset();
            if (descriptors == 0) {
                descriptors = test::open_descriptors();
            }
            EXPECT_EQ(test::open_descriptors(), descriptors);
        }
    }
}

TEST_F(AgentSession, MayBeCutAndSplitAtEveryByte) {
    const auto script = test::bytes_of({hello(), welcome(), ok(1)});
    for (std::size_t at = 0; at <= script.size(); ++at) {
        start({"blog"});
        auto gateway = accept_opening();
        ASSERT_TRUE(gateway->send(ByteView(script).first(at)));
        if (at % 2 == 0) {
            gateway->cut();
        } else {
            ASSERT_TRUE(gateway->send(ByteView(script).subspan(at)));
            ASSERT_TRUE(gateway->is_alive()) << at;
            gateway->close();
        }
        EXPECT_EQ(end_code(), Errc::ConnectionLost) << at;
    }
}

/// How far the gateway has come when the frame in question arrives. (protocol 2.2)
enum class Stage { Start, Greeted, Serving };

bool is_admitted(Stage stage, FrameKind kind) {
    using enum FrameKind;
    static const std::set<FrameKind> greeted{Welcome, Ack, Ping, Pong};
    static const std::set<FrameKind> serving{Open, Window, Data, End, Reset, Ack, Ping, Pong};
    switch (stage) {
        case Stage::Start:
            return kind == Hello;
        case Stage::Greeted:
            return greeted.contains(kind);
        default:
            return serving.contains(kind);
    }
}

PlainFrame sound_frame(FrameKind kind) {
    switch (kind) {
        case FrameKind::Hello:
            return hello();
        case FrameKind::Welcome:
            return welcome();
        case FrameKind::Ok:
            return ok(9);
        case FrameKind::Error:
            return error(9, Code::NameTaken);
        case FrameKind::Open:
            return open_stream(2);
        case FrameKind::Data:
            return frame(kind, 1, "x");
        case FrameKind::Window:
            return frame(kind, 1, wire::Window{1 << 20});
        case FrameKind::End:
            return frame(kind, 1);
        case FrameKind::Reset:
            return frame(kind, 1, wire::Reset{});
        case FrameKind::Ack:
            return frame(kind, 0, wire::Ack{0, 1 << 20});
        case FrameKind::Ping:
        case FrameKind::Pong:
            return frame(kind, 0, wire::Ping{5});
        case FrameKind::GoAway:
            return frame(kind, 0, wire::Refusal{.code = Code::Protocol, .text = "x"});
        case FrameKind::Refused:
            return frame(kind, 0, wire::Refused{});
        default:
            return frame(kind);
    }
}

TEST_F(AgentSession, TakesInEachStateTheFramesOfTheTableAndNoOthers) {
    for (const Stage stage : {Stage::Start, Stage::Greeted, Stage::Serving}) {
        for (int number = 0; number < 26; ++number) {
            const auto kind = static_cast<FrameKind>(number);
            start({"blog"});
            auto gateway = accept_opening();
            std::optional<test::BlockingSocket> served;
            if (stage >= Stage::Greeted) {
                gateway->send(hello());
            }
            if (stage >= Stage::Serving) {
                gateway->send({welcome(), ok(1), open_stream(1)});
                served.emplace(backend_.accept());
            }
            gateway->send(sound_frame(kind));
            if (is_admitted(stage, kind)) {
                EXPECT_TRUE(gateway->is_alive()) << int(stage) << ' ' << number;
            } else {
                EXPECT_TRUE(gateway->sees_the_end()) << int(stage) << ' ' << number;
            }
            gateway->cut();
            EXPECT_TRUE(end()) << int(stage) << ' ' << number;
            agent_.reset();
        }
    }
}

TEST_F(AgentSession, StopsInOrder) {
    start({"blog"});
    auto gateway = accept_opening();
    gateway->send({hello(), welcome(), ok(1)});
    ASSERT_TRUE(gateway->is_alive());
    net::asio::post(pool_->executor(0), [this] { std::ignore = agent_->stop(); });
    const auto words = gateway->receive(FrameKind::GoAway);
    ASSERT_TRUE(words);
    EXPECT_EQ(wire::decode<wire::Refusal>(words->payload)->code, Code::Shutdown);
    EXPECT_TRUE(gateway->sees_the_end());
    EXPECT_FALSE(end());
}

}  // namespace
}  // namespace diglett::agent
