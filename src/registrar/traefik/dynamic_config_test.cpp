#include "registrar/traefik/dynamic_config.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "base/file.hpp"
#include "registrar/traefik/own_file.hpp"

namespace diglett::registrar::traefik {
namespace {

namespace json = boost::json;

/// The options that the examples were made with.
Options example_options() {
    return {.domains = {"gent01.dev.grid.tf"},
            .entry_points = {"web-secure"},
            .cert_resolver = "dnsresolver",
            .tls_domains = {"*.gent01.dev.grid.tf"},
            .passthrough_entry_points = {"web-secure"}};
}

json::array examples() {
    const auto path = std::filesystem::path(DIGLETT_VECTORS) / "traefik/traefik_examples.json";
    const auto text = read_file(path, 1 << 20);
    EXPECT_TRUE(text);
    return json::parse(*text).at("proposed").as_array();
}

/// Routes loaded into a real Traefik; under_score is a name that our grammar refuses. The one
/// without PROXY protocol has no servers' transport there, and always one here: without its
/// terminationDelay an answer after the visitor's FIN is lost.
TEST(DynamicConfig, WritesTheShapesOfTheExamples) {
    int http = 0;
    int tcp = 0;
    for (const auto& example : examples()) {
        const std::string name(example.at("name").as_string());
        const auto& variant = example.at("variant").as_string();
        auto options = example_options();
        if (variant == "passthrough-proxy") {
            options.termination_delay = std::chrono::seconds(60);
            options.proxy_protocol = 2;
        }
        const auto port = static_cast<std::uint16_t>(example.at("port").as_int64());
        const auto text = dynamic_config(
            options, {.name = name, .kind = variant == "http" ? "http" : "tls", .port = port});
        if (name == "under_score") {
            ASSERT_FALSE(text);
            EXPECT_EQ(text.error().code, Errc::NameInvalid);
            continue;
        }
        ASSERT_TRUE(text) << text.error().text;
        auto wanted = example.at("document");
        if (variant == "passthrough") {
            auto& wanted_tcp = wanted.at("tcp").as_object();
            const auto id = "diglett-" + name;
            wanted_tcp.at("services").at(id).at("loadBalancer").as_object()["serversTransport"] =
                id;
            wanted_tcp["serversTransports"] =
                json::object{{id, json::object{{"terminationDelay", "30s"}}}};
        }
        EXPECT_EQ(json::parse(*text), wanted) << *text;
        EXPECT_EQ(own_file_name(name), example.at("file").as_string());
        ++(variant == "http" ? http : tcp);
    }
    EXPECT_EQ(http, 2);
    EXPECT_EQ(tcp, 3);
}

TEST(DynamicConfig, WritesPlainHttp) {
    Options options{.domains = {"localhost"}, .entry_points = {"web"}, .tls = false};
    const std::string wanted =
        R"-({"http":{"routers":{"diglett-a":{"rule":"Host(`a.localhost`)",)-"
        R"-("entryPoints":["web"],"service":"diglett-a"}},"services":{"diglett-a":)-"
        R"-({"loadBalancer":{"servers":[{"url":"http://127.0.0.1:10000"}],)-"
        R"-("passHostHeader":true}}}}})-";
    EXPECT_EQ(dynamic_config(options, {.name = "a", .kind = "http", .port = 10000}), wanted);
}

TEST(DynamicConfig, AsksForTlsWithoutAResolver) {
    const Options options{.domains = {"a.com"}};
    const auto text = dynamic_config(options, {.name = "x", .kind = "http", .port = 1});
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, testing::HasSubstr(R"("tls":{})"));
}

TEST(DynamicConfig, NamesAppearUnderEachDomainInOneRouter) {
    auto options = example_options();
    options.domains = {"one.com", "two.com"};
    options.middlewares = {"auth@file", "limit"};
    const auto http =
        json::parse(dynamic_config(options, {.name = "x", .kind = "http", .port = 1}).value());
    const auto& router = http.at("http").at("routers").as_object();
    ASSERT_EQ(router.size(), 1);
    EXPECT_EQ(router.at("diglett-x").at("rule"), "Host(`x.one.com`) || Host(`x.two.com`)");
    EXPECT_EQ(router.at("diglett-x").at("middlewares"), json::array({"auth@file", "limit"}));
    const auto tls =
        json::parse(dynamic_config(options, {.name = "x", .kind = "tls", .port = 1}).value());
    EXPECT_EQ(tls.at("tcp").at("routers").at("diglett-x").at("rule"),
              "HostSNI(`x.one.com`) || HostSNI(`x.two.com`)");
    EXPECT_FALSE(tls.at("tcp").at("routers").at("diglett-x").as_object().contains("middlewares"));
}

TEST(DynamicConfig, WritesTheTerminationDelayAsGoReadsIt) {
    auto options = example_options();
    options.termination_delay = std::chrono::milliseconds(1500);
    const auto text = dynamic_config(options, {.name = "x", .kind = "tls", .port = 1});
    EXPECT_THAT(*text, testing::HasSubstr(R"({"terminationDelay":"1500ms"})"));
}

TEST(DynamicConfig, RefusesWhatItCannotPublish) {
    auto options = example_options();
    const auto code = [&](std::string_view name, std::string_view kind, std::uint16_t port) {
        const auto text = dynamic_config(options, {.name = name, .kind = kind, .port = port});
        EXPECT_FALSE(text);
        return text.error().code;
    };
    EXPECT_EQ(code("a.b", "http", 1), Errc::NameInvalid);
    EXPECT_EQ(code("a", "tcp", 1), Errc::NameNotAllowed);
    EXPECT_EQ(code("a", "", 1), Errc::NameNotAllowed);
    EXPECT_EQ(code("a", "http", 0), Errc::Internal);
    options.passthrough_entry_points.clear();
    EXPECT_EQ(code("a", "tls", 1), Errc::NameNotAllowed);
    EXPECT_TRUE(publishes_kind(options, "http"));
    EXPECT_FALSE(publishes_kind(options, "tls"));
}

/// Whatever the name, a parser that is not ours finds one router, one service and, where the bytes
/// pass through, one transport, under a name that YAML takes for a text.
TEST(DynamicConfig, IsYamlOfOneRouterWhateverTheName) {
    const std::vector<std::string> names{
        "a", "on",  "off", "yes",  "null",          "true",       "12345",
        "0", "1e3", "0x1", "a--b", "xn--bcher-kva", "2026-11-24", std::string(63, 'z')};
    auto options = example_options();
    options.domains = {"one.com", "two.com"};
    options.proxy_protocol = 1;
    for (const auto& name : names) {
        for (const std::string kind : {"http", "tls"}) {
            const auto text =
                dynamic_config(options, {.name = name, .kind = kind, .port = 65535}).value();
            EXPECT_EQ(text.find("{{"), std::string::npos);
            EXPECT_EQ(text.find('\n'), std::string::npos);
            EXPECT_EQ(std::ranges::count(text, '`'), 4) << "around two hosts and nowhere else";
            const auto root = YAML::Load(text);
            ASSERT_EQ(root.size(), 1);
            const auto part = root[kind == "tls" ? "tcp" : "http"];
            const auto id = "diglett-" + name;
            ASSERT_EQ(part["routers"].size(), 1);
            ASSERT_EQ(part["services"].size(), 1);
            EXPECT_EQ(part["routers"][id]["service"].as<std::string>(), id);
            EXPECT_TRUE(part["services"][id]["loadBalancer"]["servers"].IsSequence());
            EXPECT_EQ(part["serversTransports"].IsDefined(), kind == "tls");
            if (kind == "tls") {
                ASSERT_EQ(part["serversTransports"].size(), 1);
                EXPECT_EQ(part["serversTransports"][id]["proxyProtocol"]["version"].as<int>(), 1);
            }
            EXPECT_EQ(routed_port(text), 65535);
            EXPECT_TRUE(is_own_route(name, text));
        }
    }
}

TEST(PublicUrl, IsWhatTheOperatorSays) {
    auto options = example_options();
    options.domains = {"gateway.com", "other.com"};
    EXPECT_EQ(public_url(options, "a", "http"), "https://a.gateway.com");
    EXPECT_EQ(public_url(options, "a", "tls"), "https://a.gateway.com");
    options.tls = false;
    EXPECT_EQ(public_url(options, "a", "http"), "http://a.gateway.com");
    EXPECT_EQ(public_url(options, "a", "tls"), "https://a.gateway.com");
    options.public_port = 8080;
    EXPECT_EQ(public_url(options, "a", "http"), "http://a.gateway.com:8080");
    options.public_port = 80;
    EXPECT_EQ(public_url(options, "a", "http"), "http://a.gateway.com");
    options.public_scheme = "https";
    options.public_port = 443;
    EXPECT_EQ(public_url(options, "a", "http"), "https://a.gateway.com");
}

/// Its entry point is another one than that of kind http.
TEST(PublicUrl, OfWhatIsPassedThroughIsAlwaysHttps) {
    auto options = example_options();
    options.domains = {"gateway.com"};
    options.tls = false;
    options.public_scheme = "http";
    options.public_port = 8080;
    EXPECT_EQ(public_url(options, "a", "tls"), "https://a.gateway.com");
    options.passthrough_public_port = 80;
    EXPECT_EQ(public_url(options, "a", "tls"), "https://a.gateway.com:80");
    options.passthrough_public_port = 18445;
    EXPECT_EQ(public_url(options, "a", "tls"), "https://a.gateway.com:18445");
    EXPECT_EQ(public_url(options, "a", "http"), "http://a.gateway.com:8080");
}

}  // namespace
}  // namespace diglett::registrar::traefik
