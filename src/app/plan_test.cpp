// What is made of the settings of agent and gateway.
#include <functional>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/agent_config.hpp"
#include "app/gateway_config.hpp"
#include "routing/name.hpp"

namespace diglett::app {
namespace {

using testing::HasSubstr;

const std::string kPin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

ConfigTable service(const std::map<std::string, std::string>& values, std::size_t line = 3) {
    ConfigTable table;
    for (const auto& [key, value] : values) {
        table[key] = {.values = {value}, .line = line, .where = fmt::format("the-file:{}", line)};
    }
    return table;
}

AgentConfig agent_config() {
    AgentConfig config;
    config.gateway = "localhost";
    config.backend = "localhost:9000";
    config.name = "example";
    return config;
}

TEST(PlanAgent, UnderstandsTheSimpleCommandLine) {
    const auto plan = plan_agent(agent_config(), {service({{"backend", "1"}})});
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->gateway, (net::Endpoint{.host = "localhost", .port = 20'000}));
    ASSERT_EQ(plan->services.size(), 1U) << "the command line goes before the file";
    EXPECT_EQ(plan->services[0].name, "example");
    EXPECT_EQ(plan->services[0].backend, (net::Endpoint{.host = "localhost", .port = 9'000}));
    EXPECT_EQ(plan->services[0].kind, "http");
}

TEST(PlanAgent, UnderstandsAddresses) {
    auto config = agent_config();
    config.gateway = "[::1]:21000";
    config.backend = "unix:/run/web";
    auto plan = plan_agent(config, {});
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->gateway, (net::Endpoint{.host = "::1", .port = 21'000}));
    EXPECT_EQ(plan->services[0].backend.unix_path, "/run/web");
    config.backend = "8080";
    plan = plan_agent(config, {});
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->services[0].backend, (net::Endpoint{.host = "localhost", .port = 8'080}));
}

TEST(PlanAgent, TakesServicesOfTheFile) {
    auto config = agent_config();
    config.name.clear();
    config.backend.clear();
    const auto plan = plan_agent(
        config, {service({{"name", "a"}, {"backend", "1"}}),
                 service({{"backend", "2"}, {"kind", "http"}}), service({{"backend", "3"}})});
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_EQ(plan->services.size(), 3U);
    EXPECT_EQ(plan->services[0].name, "a");
    EXPECT_EQ(plan->services[1].name, "") << "to be derived";
}

TEST(PlanAgent, RefusesMoreServicesThanASessionHolds) {
    auto config = agent_config();
    config.name.clear();
    config.backend.clear();
    std::vector<ConfigTable> tables(1'000, service({{"backend", "1"}}));
    EXPECT_TRUE(plan_agent(config, tables));
    tables.push_back(service({{"backend", "1"}}));
    const auto plan = plan_agent(config, tables);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, Errc::InvalidConfig);
    EXPECT_THAT(plan.error().text, HasSubstr("1001 services are more than the 1000"));
}

TEST(PlanAgent, CollectsWhatIsTrusted) {
    auto config = agent_config();
    config.pins = {kPin};
    config.ca = "/some/file";
    config.tofu = true;
    const auto plan = plan_agent(config, {});
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_EQ(plan->trust.pins.size(), 1U);
    EXPECT_EQ(plan->trust.pins[0].to_text(), kPin);
    EXPECT_TRUE(plan->trust.has_ca);
    EXPECT_TRUE(plan->trust.tofu);
}

TEST(PlanAgent, RefusesWhatCannotWork) {
    struct Case {
        const char* what;
        std::function<void(AgentConfig&)> change;
        std::vector<ConfigTable> services;
        std::string words;
    };

    const auto no_backend = [](AgentConfig& config) {
        config.name.clear();
        config.backend.clear();
    };
    const Case cases[] = {
        {"no gateway", [](auto& c) { c.gateway.clear(); }, {}, "--gateway"},
        {"a gateway that is no address", [](auto& c) { c.gateway = "a:b:c:99999"; }, {}, "a:b:c"},
        {"a unix gateway", [](auto& c) { c.gateway = "unix:/run/x"; }, {}, "unix:/run/x"},
        {"no backend", no_backend, {}, "no backend"},
        {"a name without backend", [](auto& c) { c.backend.clear(); }, {}, "--name"},
        {"a backend that is no address", [](auto& c) { c.backend = "host"; }, {}, "host"},
        {"a bad name", [](auto& c) { c.name = "Ex.ample"; }, {}, "name"},
        {"a bad pin", [](auto& c) { c.pins = {"sha256/short"}; }, {}, "44 characters"},
        {"protocol 1 with two services",
         [&](auto& c) {
             no_backend(c);
             c.protocol = 1;
         },
         {service({{"backend", "1"}}), service({{"backend", "2"}})},
         "one service"},
        {"one name twice",
         no_backend,
         {service({{"name", "a"}, {"backend", "1"}}), service({{"name", "a"}, {"backend", "2"}})},
         "'a'"},
        {"a service without backend", no_backend, {service({{"name", "a"}}, 5)}, "the-file:5"},
        {"a service without anything", no_backend, {ConfigTable{}}, "[[service]]"},
        {"a kind that is not known",
         no_backend,
         {service({{"backend", "1"}, {"kind", "carrier-pigeon"}})},
         "carrier-pigeon"},
        {"a backend of two values",
         no_backend,
         {{{"backend", {.values = {"1", "2"}, .line = 4, .where = "the-file:4"}}}},
         "the-file:4"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.what);
        auto config = agent_config();
        one.change(config);
        const auto plan = plan_agent(config, one.services);
        ASSERT_FALSE(plan);
        const int exit = exit_code(plan.error().code);
        EXPECT_TRUE(exit == 2 || exit == 3 || exit == 6) << exit;
        EXPECT_THAT(plan.error().text, HasSubstr(one.words));
    }
}

TEST(DerivedName, IsTheSameAgainAndAName) {
    // Changing these would give every agent without a name another one.
    EXPECT_EQ(derived_name("key:0011", "localhost:9000"),
              derived_name("key:0011", "localhost:9000"));
    EXPECT_EQ(derived_name("0123456789abcdef", "localhost:9000"), "ctvrnpcz");
    std::set<std::string> names;
    for (int i = 0; i < 200; ++i) {
        const auto name = derived_name(fmt::format("key:{}", i / 2), i % 2 == 0 ? "a:1" : "b:1");
        EXPECT_EQ(name.size(), 8U);
        EXPECT_TRUE(routing::check_name_grammar(name)) << name;
        names.insert(name);
    }
    EXPECT_EQ(names.size(), 200U);
}

TEST(PlanGateway, HasSafeDefaults) {
    const auto plan = plan_gateway({});
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->listen, (net::Endpoint{.host = "0.0.0.0", .port = 20'000}));
    EXPECT_EQ(plan->auth, std::vector<std::string>{"loopback"});
    EXPECT_GE(plan->workers, 1U);
    EXPECT_EQ(plan->drain_timeout, std::chrono::seconds(30));
}

TEST(PlanGateway, UnderstandsWhatIsSaid) {
    GatewayConfig config;
    config.listen = "[::]:0";
    config.auth = {"tokens", "open"};
    config.tokens_file = "/some/file";
    config.workers = 3;
    config.drain_timeout = "250ms";
    const auto plan = plan_gateway(config);
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->listen, (net::Endpoint{.host = "::", .port = 0}));
    EXPECT_EQ(plan->auth, config.auth);
    EXPECT_EQ(plan->workers, 3U);
    EXPECT_EQ(plan->drain_timeout, std::chrono::milliseconds(250));
}

TEST(PlanGateway, RefusesWhatCannotWork) {
    struct Case {
        const char* what;
        std::function<void(GatewayConfig&)> change;
        std::string words;
    };

    const Case cases[] = {
        {"an address that is none", [](auto& c) { c.listen = "x:y"; }, "x:y"},
        {"a unix address", [](auto& c) { c.listen = "unix:/run/x"; }, "unix:/run/x"},
        {"tokens without file", [](auto& c) { c.auth = {"tokens"}; }, "--tokens-file"},
        {"a file without tokens", [](auto& c) { c.tokens_file = "f"; }, "--auth tokens"},
        {"no duration", [](auto& c) { c.drain_timeout = "soon"; }, "soon"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.what);
        GatewayConfig config;
        one.change(config);
        const auto plan = plan_gateway(config);
        ASSERT_FALSE(plan);
        EXPECT_THAT(plan.error().text, HasSubstr(one.words));
    }
}

}  // namespace
}  // namespace diglett::app
