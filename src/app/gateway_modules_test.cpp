// What is made of the gateway's settings for grid, Traefik and helper ports.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/gateway_config.hpp"

namespace diglett::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GatewayConfig with_modules() {
    GatewayConfig config;
    config.auth = {"grid"};
    config.grid.endpoints = {"wss://node.test", "http://127.0.0.1:9944"};
    config.traefik.directory = "/some/dir";
    config.traefik.domains = {"gateway.com", "other.com"};
    return config;
}

TEST(PlanGatewayModules, AreOffUnlessAskedFor) {
    const auto plan = plan_gateway({});
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_FALSE(plan->grid);
    EXPECT_FALSE(plan->traefik);
    EXPECT_EQ(plan->helper_ports.low, 10'000);
    EXPECT_EQ(plan->helper_ports.high, 19'999);
    EXPECT_EQ(plan->helper_ports.rest, std::chrono::minutes(10));
    EXPECT_EQ(plan->grace, std::chrono::seconds(60));
}

TEST(PlanGatewayModules, HaveTheDefaultsThatAreWrittenDown) {
    const auto plan = plan_gateway(with_modules());
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_TRUE(plan->grid && plan->traefik);
    EXPECT_EQ(plan->grid->chain.endpoints.size(), 2U);
    EXPECT_FALSE(plan->grid->chain.read_best);
    EXPECT_THAT(plan->grid->grid.token.audiences, ElementsAre("gateway.com", "other.com"));
    EXPECT_EQ(plan->grid->grid.token.max_lifetime, std::chrono::hours(24));
    EXPECT_EQ(plan->grid->grid.recheck, std::chrono::minutes(10));
    EXPECT_FALSE(plan->grid->grid.rules.strict);
    EXPECT_FALSE(plan->grid->grid.allow_v1);
    EXPECT_EQ(plan->traefik->directory, "/some/dir");
    EXPECT_THAT(plan->traefik->options.entry_points, ElementsAre("websecure"));
    EXPECT_TRUE(plan->traefik->options.tls);
    EXPECT_EQ(plan->traefik->options.termination_delay, std::chrono::seconds(30));
    EXPECT_FALSE(plan->traefik->is_optional);
}

TEST(PlanGatewayModules, UnderstandWhatIsSaid) {
    auto config = with_modules();
    config.grid.audiences = {"grid.example"};
    config.grid.strict = true;
    config.grid.max_lifetime = "720h";
    config.grid.read = "best";
    config.grid.recheck = "1s";
    config.grid.unknown_version = "refuse";
    config.grid.allow_v1 = true;
    config.helper_ports = {.range = "15000-15009", .rest = "5s"};
    config.traefik.tls = false;
    config.traefik.public_port = 8'443;
    config.traefik.passthrough_public_port = 8'444;
    config.traefik.proxy_protocol = 2;
    config.traefik.is_optional = true;
    const auto plan = plan_gateway(config);
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_THAT(plan->grid->grid.token.audiences, ElementsAre("grid.example"));
    EXPECT_TRUE(plan->grid->grid.rules.strict);
    EXPECT_EQ(plan->grid->grid.token.max_lifetime, std::chrono::hours(720));
    EXPECT_TRUE(plan->grid->chain.read_best);
    EXPECT_EQ(plan->grid->grid.recheck, std::chrono::seconds(1));
    EXPECT_EQ(plan->grid->grid.rules.unknown_version, auth::grid::UnknownVersion::Refuse);
    EXPECT_TRUE(plan->grid->grid.allow_v1);
    EXPECT_EQ(plan->helper_ports.low, 15'000);
    EXPECT_EQ(plan->helper_ports.high, 15'009);
    EXPECT_EQ(plan->helper_ports.rest, std::chrono::seconds(5));
    EXPECT_FALSE(plan->traefik->options.tls);
    EXPECT_EQ(plan->traefik->options.public_port, 8'443);
    EXPECT_EQ(plan->traefik->options.passthrough_public_port, 8'444);
    EXPECT_EQ(plan->traefik->options.proxy_protocol, 2);
    EXPECT_TRUE(plan->traefik->is_optional);
}

TEST(PlanGatewayModules, RefuseEachKeyOfGridWithoutGrid) {
    const std::function<void(GatewayGridConfig&)> keys[] = {
        [](auto& grid) { grid.endpoints = {"wss://node.test"}; },
        [](auto& grid) { grid.ca_file = "ca.pem"; },
        [](auto& grid) { grid.audiences = {"gateway.com"}; },
        [](auto& grid) { grid.strict = true; },
        [](auto& grid) { grid.max_lifetime = "720h"; },
        [](auto& grid) { grid.read = "best"; },
        [](auto& grid) { grid.recheck = "1s"; },
        [](auto& grid) { grid.unknown_version = "refuse"; },
        [](auto& grid) { grid.allow_v1 = true; },
    };
    for (const auto& set : keys) {
        SCOPED_TRACE(&set - std::begin(keys));
        GatewayConfig config;
        set(config.grid);
        const auto plan = plan_gateway(config);
        ASSERT_FALSE(plan);
        EXPECT_EQ(plan.error().code, Errc::InvalidConfig);
        EXPECT_THAT(plan.error().text, HasSubstr("--auth grid"));
    }
}

TEST(PlanGatewayModules, RefuseWhatCannotWork) {
    struct Case {
        std::function<void(GatewayConfig&)> change;
        std::string words;
    };

    const Case cases[] = {
        {[](auto& c) { c.grid.endpoints.clear(); }, "--grid-endpoints"},
        {[](auto& c) { c.grid.endpoints = {"ftp://x"}; }, "ftp://x"},
        {[](auto& c) { c.grid.max_lifetime = "long"; }, "long"},
        {[](auto& c) { c.grid.recheck = "0s"; }, "recheck"},
        {[](auto& c) { c.grid.audiences = {"Gateway.com"}; }, "Gateway.com"},
        {[](auto& c) { c.traefik = {}; }, "--grid-audience"},
        {[](auto& c) { c.auth = {"open"}; }, "--auth grid"},
        {[](auto& c) { c.traefik.directory.clear(); }, "--traefik-dir"},
        {[](auto& c) { c.traefik.domains.clear(); }, "domain"},
        {[](auto& c) { c.traefik.domains = {"a b"}; }, "a b"},
        {[](auto& c) { c.traefik.public_port = 65'536; }, "public-port"},
        {[](auto& c) { c.traefik.passthrough_public_port = 65'536; }, "passthrough-public-port"},
        {[](auto& c) { c.traefik.passthrough_public_port = 0; }, "passthrough-public-port"},
        {[](auto& c) { c.traefik.proxy_protocol = 3; }, "proxy-protocol"},
        {[](auto& c) { c.traefik.target = "ingress"; }, "target"},
        {[](auto& c) { c.traefik.entry_points.clear(); }, "entry-points"},
        {[](auto& c) { c.traefik.termination_delay = "soon"; }, "soon"},
        {[](auto& c) { c.helper_ports.range = "20-10"; }, "20-10"},
        {[](auto& c) { c.helper_ports.range = "0-10"; }, "0-10"},
        {[](auto& c) { c.helper_ports.range = "10000"; }, "10000"},
        {[](auto& c) { c.helper_ports.rest = "long"; }, "long"},
        {[](auto& c) { c.grace = "long"; }, "long"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.words);
        auto config = with_modules();
        one.change(config);
        const auto plan = plan_gateway(config);
        ASSERT_FALSE(plan);
        EXPECT_EQ(plan.error().code, Errc::InvalidConfig);
        EXPECT_THAT(plan.error().text, HasSubstr(one.words));
    }
}

}  // namespace
}  // namespace diglett::app
