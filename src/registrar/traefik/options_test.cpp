#include "registrar/traefik/options.hpp"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace diglett::registrar::traefik {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Options sound() {
    return {.domains = {"gateway.com"}};
}

TEST(TraefikOptions, DefaultsWithADomainAreSound) {
    EXPECT_TRUE(validate(sound()));
}

TEST(TraefikOptions, TakesWhatTraefikKnows) {
    auto options = sound();
    options.domains = {"gateway.com", "localhost"};
    options.entry_points = {"web-secure", "Web_2"};
    options.cert_resolver = "dns.resolver";
    options.tls_domains = {"*.gateway.com", "gateway.com"};
    options.middlewares = {"auth@file", "plain", "chain@docker"};
    options.passthrough_entry_points = {"passthrough"};
    options.termination_delay = milliseconds(1500);
    options.proxy_protocol = 2;
    options.public_scheme = "https";
    options.public_port = 8443;
    options.passthrough_public_port = 8444;
    EXPECT_TRUE(validate(options));
}

struct Wrong {
    std::string key;
    std::string shown;
    std::function<void(Options&)> spoil;
};

TEST(TraefikOptions, NamesTheKeyOfWhatIsWrong) {
    const std::vector<Wrong> table{
        {"domain", "", [](Options& o) { o.domains.clear(); }},
        {"domain", "Gateway.com", [](Options& o) { o.domains = {"Gateway.com"}; }},
        {"domain", "10.0.0.1", [](Options& o) { o.domains = {"10.0.0.1"}; }},
        {"domain", "twice", [](Options& o) { o.domains = {"a.com", "a.com"}; }},
        {"domain", "no room",
         [](Options& o) {
             o.domains = {"a"};
             while (o.domains[0].size() < 190) {
                 o.domains[0] += ".a";
             }
         }},
        {"[traefik] entry-points", "at least one", [](Options& o) { o.entry_points.clear(); }},
        {"[traefik] entry-points", "a b", [](Options& o) { o.entry_points = {"a b"}; }},
        {"[traefik] entry-points", "a@file", [](Options& o) { o.entry_points = {"a@file"}; }},
        {"[traefik] cert-resolver", "a`b", [](Options& o) { o.cert_resolver = "a`b"; }},
        {"[traefik] cert-resolver", "tls = false",
         [](Options& o) {
             o.cert_resolver = "dns";
             o.tls = false;
         }},
        {"[traefik] tls-domains", "*.*.com", [](Options& o) { o.tls_domains = {"*.*.com"}; }},
        {"[traefik] tls-domains", "tls = false",
         [](Options& o) {
             o.tls_domains = {"*.a.com"};
             o.tls = false;
         }},
        {"[traefik] middlewares", "auth@", [](Options& o) { o.middlewares = {"auth@"}; }},
        {"[traefik] middlewares", "a@b@c", [](Options& o) { o.middlewares = {"a@b@c"}; }},
        {"[traefik] passthrough-entry-points", "''",
         [](Options& o) { o.passthrough_entry_points = {""}; }},
        {"[traefik] termination-delay", "0ms",
         [](Options& o) { o.termination_delay = milliseconds(0); }},
        {"[traefik] termination-delay", "24h",
         [](Options& o) { o.termination_delay = std::chrono::hours(25); }},
        {"[traefik] proxy-protocol", "3", [](Options& o) { o.proxy_protocol = 3; }},
        {"[traefik] passthrough-public-port", "0",
         [](Options& o) { o.passthrough_public_port = 0; }},
        {"[traefik] public-scheme", "ftp", [](Options& o) { o.public_scheme = "ftp"; }},
        {"[traefik] target", "ingress", [](Options& o) { o.target = "ingress"; }},
    };
    for (const auto& row : table) {
        auto options = sound();
        row.spoil(options);
        const auto checked = validate(options);
        ASSERT_FALSE(checked) << row.key << " " << row.shown;
        EXPECT_EQ(checked.error().code, Errc::InvalidConfig);
        EXPECT_TRUE(checked.error().text.starts_with(row.key + ":")) << checked.error().text;
        EXPECT_THAT(checked.error().text, HasSubstr(row.shown));
    }
}

TEST(TraefikOptions, NoTextMayHoldATemplateOrEndARule) {
    const std::vector<std::pair<std::string, std::function<void(Options&, std::string)>>> texts{
        {"domain", [](Options& o, std::string v) { o.domains = {std::move(v)}; }},
        {"[traefik] entry-points",
         [](Options& o, std::string v) { o.entry_points = {std::move(v)}; }},
        {"[traefik] cert-resolver",
         [](Options& o, std::string v) { o.cert_resolver = std::move(v); }},
        {"[traefik] tls-domains",
         [](Options& o, std::string v) { o.tls_domains = {std::move(v)}; }},
        {"[traefik] middlewares",
         [](Options& o, std::string v) { o.middlewares = {std::move(v)}; }},
        {"[traefik] passthrough-entry-points",
         [](Options& o, std::string v) { o.passthrough_entry_points = {std::move(v)}; }},
        {"[traefik] public-scheme",
         [](Options& o, std::string v) { o.public_scheme = std::move(v); }},
        {"[traefik] target", [](Options& o, std::string v) { o.target = std::move(v); }},
    };
    for (const std::string hostile : {"{{env \"HOME\"}}", "a{{b", "`", "a`) || Host(`b", "\"",
                                      "a\"b", "'", "\n", "a\\b", "{", "#"}) {
        for (const auto& [key, put] : texts) {
            auto options = sound();
            put(options, hostile);
            const auto checked = validate(options);
            ASSERT_FALSE(checked) << key << " " << hostile;
            EXPECT_TRUE(checked.error().text.starts_with(key + ":")) << checked.error().text;
        }
    }
}

}  // namespace
}  // namespace diglett::registrar::traefik
