// Drives the real Traefik registrar without a gateway: commands by line on stdin, an answer by line
// on stdout. Says `ready` at once and opens the directory at the first command, so that a tracer
// can be attached before.
//
//   open                         -> leftover NAME PORT ... opened   |  error DIG-nnnn TEXT, exit
//   code add NAME GENERATION KIND PORT  -> ok URL                        |  error DIG-nnnn TEXT
//   drop NAME GENERATION           -> dropped
//
// The end of stdin ends the registrar, which removes what lives.
#include <sys/uio.h>

#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "base/log.hpp"
#include "base/process.hpp"
#include "registrar/traefik/traefik_registrar.hpp"

namespace {

using namespace diglett;
using registrar::Registration;
using registrar::Request;
using registrar::traefik::Options;
using registrar::traefik::TraefikRegistrar;
using Registered = Result<std::unique_ptr<Registration>>;

constexpr std::chrono::seconds kPatience{10};

/// By writev, so that a tracer that spoils write() does not spoil the conversation.
void say(std::string line) {
    line += '\n';
    const iovec part{line.data(), line.size()};
    (void)::writev(1, &part, 1);
}

void say(const Error& error) {
    say(fmt::format("error {} {}", dig_code(error.code), error.text));
}

struct Driver {
    net::asio::io_context control{};
    std::unique_ptr<TraefikRegistrar> registrar{};
    std::map<std::pair<std::string, std::uint64_t>, std::unique_ptr<Registration>> living{};
};

net::Awaitable<void> add(Driver& driver, Request request) {
    const std::pair key(request.name, request.generation.value);
    auto asked = driver.registrar->register_name(std::move(request), Clock::now() + kPatience);
    auto registered = co_await std::move(asked);
    if (!registered) {
        say(registered.error());
        co_return;
    }
    say("ok " + (*registered)->url());
    driver.living[key] = std::move(*registered);
}

void obey(Driver& driver, const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::string kind;
    Request request{};
    words >> verb >> request.name >> request.generation.value;
    if (verb == "drop") {
        driver.living.erase({request.name, request.generation.value});
        say("dropped");
    } else if (verb == "add" && words >> request.kind >> request.local_port) {
        auto adding = add(driver, std::move(request));
        net::asio::co_spawn(driver.control, std::move(adding), [](const std::exception_ptr&) {});
        driver.control.restart();
        driver.control.run();
    } else {
        say("error what is '" + line + "'?");
    }
}

int drive(const Options& options, const std::string& directory) {
    Driver driver;
    std::string line;
    say("ready");
    std::getline(std::cin, line);
    auto opened = TraefikRegistrar::open(options, directory, open_log({.level = LogLevel::Debug}));
    if (!opened) {
        say(opened.error());
        return exit_code(opened.error().code);
    }
    for (const auto& leftover : opened->leftovers) {
        say(fmt::format("leftover {} {}", leftover.name, leftover.port.value_or(0)));
    }
    driver.registrar = std::move(opened->registrar);
    say("opened");
    while (std::getline(std::cin, line)) {
        obey(driver, line);
    }
    driver.living.clear();
    driver.registrar.reset();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options{.domains = {"gateway.test"}};
    std::string directory;
    bool plain = false;
    std::int64_t termination_delay_ms = options.termination_delay.count();
    CLI::App app("Drives the Traefik registrar for a test");
    app.add_option("--dir", directory)->required();
    app.add_option("--domain", options.domains);
    app.add_option("--entry-points", options.entry_points);
    app.add_option("--passthrough-entry-points", options.passthrough_entry_points);
    app.add_option("--middlewares", options.middlewares);
    app.add_option("--proxy-protocol", options.proxy_protocol);
    app.add_option("--termination-delay-ms", termination_delay_ms);
    app.add_option("--public-port", options.public_port);
    app.add_flag("--no-tls", plain);
    CLI11_PARSE(app, argc, argv);
    options.tls = !plain;
    options.termination_delay = std::chrono::milliseconds(termination_delay_ms);
    prepare_process();
    return drive(options, directory);
}
