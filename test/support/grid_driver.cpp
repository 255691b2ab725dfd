// Drives the real chain client and grid authenticator without a gateway: commands by line on stdin,
// an answer by line on stdout. SESSION is a word of the caller's.
//
//   check                   -> a line for each endpoint, then `checked`
//   login SESSION TOKEN     -> ok IDENTITY                   |  no CODE TEXT
//   name SESSION NAME       -> ok                            |  no CODE TEXT  |  ends CODE TEXT
//   owner IDENTITY NAME     -> ok                            |  no CODE TEXT
//   logins COUNT TOKEN      -> ok COUNT: so many at once, and how many were accepted
//
// The end of stdin ends the program.
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "auth/grid/chain/chain_client.hpp"
#include "auth/grid/chain/grid_authenticator.hpp"
#include "base/log.hpp"

namespace {

using namespace diglett;
using namespace diglett::auth;

constexpr std::chrono::seconds kPatience{10};

struct Driver {
    net::asio::io_context loop{};
    std::unique_ptr<grid::ChainClient> client{};
    std::unique_ptr<grid::GridAuthenticator> grid{};
    std::map<std::string, Identity> sessions{};
    std::size_t source = 0;
};

template <class T>
net::Awaitable<void> keep(net::Awaitable<T> work, std::optional<T>& result) {
    result.emplace(co_await std::move(work));
}

net::Awaitable<void> mark(net::Awaitable<void> work, bool& done) {
    co_await std::move(work);
    done = true;
}

void run(Driver& driver, net::Awaitable<void> work) {
    bool done = false;
    net::asio::co_spawn(driver.loop, mark(std::move(work), done), [](const std::exception_ptr&) {});
    driver.loop.restart();
    while (!done && driver.loop.run_one() > 0) {
    }
}

void say(const std::string& line) {
    std::cout << line << std::endl;
}

std::string words(const Refusal& refused) {
    return fmt::format("{} {} {}", refused.ends_identity ? "ends" : "no",
                       wire::to_string(refused.code), refused.text);
}

net::Awaitable<void> log_in(Driver& driver, std::string session, std::string token) {
    const Credential credential{
        .token = Secret(std::move(token)), .has_agent_key = true, .agent_key = {}};
    const auto host = fmt::format("192.0.2.{}", ++driver.source % 250);
    const ConnectionFacts facts{
        .address = host + ":1", .is_loopback = false, .protocol = 2, .source = host};
    auto asking = driver.grid->authenticate(credential, facts, Clock::now() + kPatience);
    auto identity = co_await std::move(asking);
    say(identity ? "ok " + identity->key : words(identity.error()));
    if (identity) {
        driver.sessions[session] = std::move(*identity);
    }
}

net::Awaitable<void> ask_name(Driver& driver, Identity identity, std::string name) {
    const std::string kind = "http";
    auto asking = driver.grid->authorize(identity, name, kind, Clock::now() + kPatience);
    const auto answer = co_await std::move(asking);
    say(answer ? "ok" : words(answer.error()));
}

net::Awaitable<void> check(Driver& driver) {
    auto checking = driver.client->check();
    for (const auto& report : co_await std::move(checking)) {
        say(fmt::format("{} {}", report.usable ? "usable" : "unusable", grid::to_string(report)));
    }
    say("checked");
}

void log_in_many(Driver& driver, std::size_t count, const std::string& token) {
    driver.loop.restart();
    std::vector<std::optional<std::expected<Identity, Refusal>>> answers(count);
    const Credential credential{.token = Secret(token), .has_agent_key = true, .agent_key = {}};
    const ConnectionFacts facts{
        .address = "192.0.2.1:1", .is_loopback = false, .protocol = 2, .source = "192.0.2.1"};
    for (auto& answer : answers) {
        auto work =
            keep(driver.grid->authenticate(credential, facts, Clock::now() + kPatience), answer);
        net::asio::co_spawn(driver.loop, std::move(work), [](const std::exception_ptr&) {});
    }
    std::size_t accepted = 0;
    for (const auto& answer : answers) {
        while (!answer && driver.loop.run_one() > 0) {
        }
        accepted += answer && *answer ? 1U : 0U;
    }
    say(fmt::format("ok {}", accepted));
}

void obey(Driver& driver, const std::string& line) {
    std::istringstream text(line);
    std::string verb;
    std::string first;
    std::string second;
    text >> verb >> first >> second;
    const auto session = driver.sessions.find(first);
    if (verb == "check") {
        run(driver, check(driver));
    } else if (verb == "login") {
        run(driver, log_in(driver, first, second));
    } else if (verb == "logins") {
        log_in_many(driver, std::stoul(first), second);
    } else if (verb == "name" && session != driver.sessions.end()) {
        run(driver, ask_name(driver, session->second, second));
    } else if (verb == "owner") {
        Identity bare{.key = first, .reserves_names = true, .grant = {}};
        run(driver, ask_name(driver, std::move(bare), second));
    } else {
        say("what is '" + line + "'?");
    }
}

}  // namespace

int main(int argc, char** argv) {
    grid::ChainOptions chain;
    grid::GridOptions options;
    std::vector<std::string> endpoints;
    std::int64_t patience_ms = 1000;
    CLI::App app("Drives the grid authenticator for a test");
    app.add_option("--endpoint", endpoints)->required();
    app.add_option("--ca-file", chain.ca_file);
    app.add_option("--audience", options.token.audiences)->required();
    app.add_option("--patience-ms", patience_ms);
    app.add_flag("--strict", options.rules.strict);
    app.add_flag("--best", chain.read_best);
    CLI11_PARSE(app, argc, argv);
    chain.patience = std::chrono::milliseconds(patience_ms);
    for (const auto& endpoint : endpoints) {
        auto url = grid::parse_node_url(endpoint);
        if (!url) {
            say(url.error().text);
            return 2;
        }
        chain.endpoints.push_back(std::move(*url));
    }
    const auto logger = open_log({.level = LogLevel::Debug});
    Driver driver;
    auto opened =
        grid::ChainClient::open(driver.loop.get_executor(), chain, grid::Clocks::real(), logger);
    if (!opened) {
        say(opened.error().text);
        return exit_code(opened.error().code);
    }
    driver.client = std::move(*opened);
    driver.grid = std::make_unique<grid::GridAuthenticator>(options, *driver.client,
                                                            grid::Clocks::real(), logger);
    say("ready");
    std::string line;
    while (std::getline(std::cin, line)) {
        obey(driver, line);
    }
    run(driver, driver.client->stop());
    driver.grid.reset();
    driver.client.reset();
    return 0;
}
