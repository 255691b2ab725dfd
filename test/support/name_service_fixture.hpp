#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/name_service.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::test {

/// What happens while somebody is being waited for; empty: nothing.
using Meanwhile = std::function<net::Awaitable<void>()>;

/// Does `meanwhile` once.
inline net::Awaitable<void> do_once(Meanwhile& meanwhile) {
    const Meanwhile act = std::exchange(meanwhile, nullptr);
    if (act) {
        auto acting = act();
        co_await std::move(acting);
    }
}

/// A session as the name service knows it: it answers as the test says and writes down what it was
/// told.
class FakeSession final : public gateway::SessionHandle {
  public:
    explicit FakeSession(net::Executor executor) : executor_(executor) {}

    [[nodiscard]] net::Executor executor() const override { return executor_; }

    [[nodiscard]] net::Awaitable<bool> probe() override {
        ++probes;
        auto acting = do_once(during_probe);
        co_await std::move(acting);
        co_return is_alive;
    }

    [[nodiscard]] net::Awaitable<bool> lose_name(RegistrationId registration,
                                                 wire::Refusal why) override {
        lost.emplace(registration.value, std::move(why));
        auto acting = do_once(during_end);
        co_await std::move(acting);
        co_return true;
    }

    [[nodiscard]] net::Awaitable<bool> end(wire::Refusal why) override {
        ended.push_back(std::move(why));
        auto acting = do_once(during_end);
        co_await std::move(acting);
        co_return true;
    }

    bool is_alive = true;
    Meanwhile during_probe;
    Meanwhile during_end;  ///< Also of one name.
    int probes = 0;
    std::map<std::uint32_t, wire::Refusal> lost;
    std::vector<wire::Refusal> ended;

  private:
    net::Executor executor_;
};

/// What the fake plug points do.
struct PlugPoints {
    std::optional<auth::Refusal> login_refusal;
    std::optional<auth::Refusal> name_refusal;
    std::optional<Error> registrar_error;
    Meanwhile during_login;
    Meanwhile during_authorize;
    Meanwhile during_register;
    int authorized = 0;
    std::map<std::string, auth::Refusal> identity_refusals;  ///< By key.
    std::map<std::string, auth::Refusal> name_refusals;      ///< By name.
    TimePoint ask_again = kNever;
    bool outranks = false;
    std::vector<std::string> asked;    ///< "KEY NAME", of authorize().
    std::vector<bool> at_login;        ///< What those said of it.
    std::set<std::string> published;   ///< "NAME GENERATION"
    std::vector<std::string> history;  ///< "+NAME GENERATION" and "-NAME GENERATION"
    std::map<std::string, int> ports;  ///< Of names, as registered last.
};

/// The token is the name of the identity: `alice` is `tokens:alice`; `local` reserves nothing.
class FakeAuthenticator final : public auth::Authenticator {
  public:
    explicit FakeAuthenticator(PlugPoints& plugs) : plugs_(plugs) {}

    /// The part of its identities' keys before the colon.
    [[nodiscard]] std::string_view name() const override { return "tokens"; }

    [[nodiscard]] bool outranks_leases() const override { return plugs_.outranks; }

    [[nodiscard]] net::Awaitable<std::expected<auth::Identity, auth::Refusal>> authenticate(
        const auth::Credential& credential, const auth::ConnectionFacts&, TimePoint) override {
        auto acting = do_once(plugs_.during_login);
        co_await std::move(acting);
        if (plugs_.login_refusal) {
            co_return std::unexpected(*plugs_.login_refusal);
        }
        const std::string who(credential.token.expose_secret());
        co_return auth::Identity{
            .key = "tokens:" + who, .reserves_names = who != "local" && who != "v1", .grant = {}};
    }

    [[nodiscard]] net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize(
        const auth::Identity& identity, const std::string& name, const std::string&,
        TimePoint) override {
        ++plugs_.authorized;
        plugs_.asked.push_back(identity.key + " " + name);
        plugs_.at_login.push_back(identity.at_login);
        auto acting = do_once(plugs_.during_authorize);
        co_await std::move(acting);
        if (const auto refused = plugs_.identity_refusals.find(identity.key);
            refused != plugs_.identity_refusals.end()) {
            co_return std::unexpected(refused->second);
        }
        if (const auto refused = plugs_.name_refusals.find(name);
            refused != plugs_.name_refusals.end()) {
            co_return std::unexpected(refused->second);
        }
        if (plugs_.name_refusal) {
            co_return std::unexpected(*plugs_.name_refusal);
        }
        co_return auth::Allowed{.ask_again = plugs_.ask_again};
    }

  private:
    PlugPoints& plugs_;
};

class FakeRegistrar final : public registrar::Registrar {
  public:
    explicit FakeRegistrar(PlugPoints& plugs) : plugs_(plugs) {}

    [[nodiscard]] std::string_view name() const override { return "fake"; }

    [[nodiscard]] net::Awaitable<Result<std::unique_ptr<registrar::Registration>>> register_name(
        registrar::Request request, TimePoint) override {
        auto acting = do_once(plugs_.during_register);
        co_await std::move(acting);
        if (plugs_.registrar_error) {
            co_return std::unexpected(*plugs_.registrar_error);
        }
        co_return std::make_unique<Handle>(plugs_, request);
    }

  private:
    class Handle final : public registrar::Registration {
      public:
        Handle(PlugPoints& plugs, const registrar::Request& request)
            : plugs_(plugs),
              hold_(request.port_hold),
              what_(fmt::format("{} {}", request.name, request.generation.value)),
              url_("https://" + request.name + ".example") {
            plugs_.published.insert(what_);
            plugs_.history.push_back("+" + what_);
            plugs_.ports[request.name] = request.local_port;
        }

        ~Handle() override {
            plugs_.published.erase(what_);
            plugs_.history.push_back("-" + what_);
        }

        [[nodiscard]] std::string url() const override { return url_; }

      private:
        PlugPoints& plugs_;
        std::shared_ptr<void> hold_;
        std::string what_;
        std::string url_;
    };

    PlugPoints& plugs_;
};

/// A NameService with everything around it played by the test, on one event loop.
class NameServiceTest : public testing::Test {
  protected:
    using Code = wire::RefusalCode;

    /// Runs `work` to its end. @return what it returns.
    template <class T>
    T run(net::Awaitable<T> work) {
        std::optional<T> result;
        auto kept = detail::keep_result(std::move(work), result);
        run_coroutine(context_, std::move(kept));
        return std::move(result).value();
    }

    ~NameServiceTest() override { run_coroutine(context_, stop()); }

    /// From the loop: elsewhere Asio delivers a cancellation later, perhaps to nobody.
    net::Awaitable<void> stop() {
        names_.stop();
        auto joined = names_.tasks().join();
        co_await std::move(joined);
    }

    FakeSession& session(gateway::SessionNumber number) {
        auto& known = handles_[number];
        if (!known) {
            known = std::make_shared<FakeSession>(context_.get_executor());
        }
        return *known;
    }

    /// The session object is gone, without a word.
    void destroy(gateway::SessionNumber number) { handles_.erase(number); }

    /// Instance 0 is that of protocol 1: none.
    gateway::LoginRequest login_request(gateway::SessionNumber number, const std::string& who,
                                        unsigned char instance = 0) {
        std::ignore = session(number);
        gateway::LoginRequest request{.session = number,
                                      .handle = handles_.at(number),
                                      .credential = {.token = Secret(who)},
                                      .facts = {.address = fmt::format("192.0.2.{}:1", number)}};
        request.facts.source = fmt::format("192.0.2.{}", number);
        request.instance.fill(std::byte{instance});
        return request;
    }

    std::expected<auth::Identity, wire::Refusal> login(gateway::SessionNumber number,
                                                       const std::string& who,
                                                       unsigned char instance = 0) {
        return run(names_.login(login_request(number, who, instance)));
    }

    std::expected<gateway::Claim, wire::Refusal> claim(gateway::SessionNumber number,
                                                       std::uint32_t registration,
                                                       const std::string& name,
                                                       bool takeover = false) {
        return run(names_.claim(number, {registration}, {.name = name, .takeover = takeover}));
    }

    std::expected<gateway::Published, wire::Refusal> publish(gateway::SessionNumber number,
                                                             std::uint32_t registration) {
        return run(names_.publish(number, {registration}));
    }

    /// Claims and publishes.
    std::expected<gateway::Published, wire::Refusal> serve(gateway::SessionNumber number,
                                                           std::uint32_t registration,
                                                           const std::string& name,
                                                           bool takeover = false) {
        const auto claimed = claim(number, registration, name, takeover);
        if (!claimed) {
            return std::unexpected(claimed.error());
        }
        return publish(number, registration);
    }

    /// Does what is due after `later`, and what that begins.
    void tend(Duration later) {
        names_.tend(Clock::now() + later);
        run_coroutine(context_, names_.tasks().join());
    }

    /// Two agents of alice: session 1 holds `blog` as registration 1, session 2 has nothing yet.
    void two_agents_of_alice() {
        ASSERT_TRUE(login(1, "alice", 1));
        ASSERT_TRUE(login(2, "alice", 2));
        ASSERT_TRUE(claim(1, 1, "blog"));
    }

    template <class T>
    static Code code_of(const std::expected<T, wire::Refusal>& answer) {
        return answer ? Code{} : answer.error().code;
    }

    template <class T>
    static std::string text_of(const std::expected<T, wire::Refusal>& answer) {
        return answer ? "" : answer.error().text;
    }

    static constexpr std::size_t kMaxNames = 3;  ///< Of one identity.
    static constexpr std::size_t kMaxSessionsOfOne = 6;
    static constexpr std::size_t kMaxSessions = 8;
    static constexpr std::size_t kMaxPending = 4;
    static constexpr std::size_t kMaxPendingOfOne = 2;

    PlugPoints plugs_;
    LogCapture log_;
    net::asio::io_context context_;
    std::map<gateway::SessionNumber, std::shared_ptr<FakeSession>> handles_;
    gateway::VisitorPlaces places_{1'000, 100};
    gateway::HelperPorts ports_{{.low = 24'000, .high = 28'000}, places_, log_.logger()};
    gateway::NameService names_{
        {.max_sessions = kMaxSessions,
         .max_sessions_per_identity = kMaxSessionsOfOne,
         .pending_logins = {.max_total = kMaxPending, .max_per_source = kMaxPendingOfOne},
         .authenticator_timeout = std::chrono::seconds(1)},
        {.authenticators = authenticators(), .registrars = registrars(), .leases = leases()},
        ports_,
        context_.get_executor(),
        log_.logger()};

  private:
    auth::AuthenticatorChain authenticators() {
        std::vector<std::unique_ptr<auth::Authenticator>> members;
        members.push_back(std::make_unique<FakeAuthenticator>(plugs_));
        return {std::move(members), log_.logger()};
    }

    registrar::RegistrarSet registrars() {
        std::vector<std::unique_ptr<registrar::Registrar>> members;
        members.push_back(std::make_unique<FakeRegistrar>(plugs_));
        return registrar::RegistrarSet(std::move(members));
    }

    static routing::LeaseBook leases() {
        return routing::LeaseBook::open({.max_names_per_identity = kMaxNames},
                                        std::chrono::system_clock::now())
            .value();
    }
};

}  // namespace diglett::test
