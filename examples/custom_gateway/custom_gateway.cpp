// A gateway whose names are in a text file and whose registrations end up in another one. The first
// has a line `WHO TOKEN NAME...` for each identity and is read anew at each login; the second gets
// a JSON object a line. A name is public while a generation of it is registered and not
// unregistered. Usage: custom_gateway HOST:PORT NAMES_FILE EVENTS_FILE
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "auth/authenticator.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/identity_key.hpp"
#include "gateway/gateway.hpp"
#include "net/descriptor_limit.hpp"
#include "registrar/log_registrar.hpp"
#include "registrar/registrar.hpp"

namespace diglett::custom {

using Names = std::set<std::string>;

class NamesFile final : public auth::Authenticator {
  public:
    explicit NamesFile(std::string path) : path_(std::move(path)) {}

    std::string_view name() const override { return "names"; }

    net::Awaitable<std::expected<auth::Identity, auth::Refusal>> authenticate(
        const auth::Credential& credential, const auth::ConnectionFacts&, TimePoint) override {
        std::ifstream file(path_);
        for (std::string line, who, token; std::getline(file, line);) {
            std::istringstream words(line);
            words >> who >> token;
            if (words && crypto::equal_in_constant_time(token, credential.token.expose_secret())) {
                std::istream_iterator<std::string> first(words), last;
                co_return auth::Identity{.key = "names:" + who, .grant = Names(first, last)};
            }
        }
        co_return std::unexpected(auth::Refusal{.code = wire::RefusalCode::Credential,
                                                .text = "no such token in the file"});
    }

    net::Awaitable<std::expected<auth::Allowed, auth::Refusal>> authorize(
        const auth::Identity& identity, const std::string& name, const std::string&,
        TimePoint) override {
        if (std::any_cast<const Names&>(identity.grant).contains(name)) {
            co_return auth::Allowed{};
        }
        co_return std::unexpected(auth::Refusal{.code = wire::RefusalCode::NameNotAllowed,
                                                .text = "the file does not give you this name"});
    }

  private:
    std::string path_;
};

Status append(const std::string& path, std::string_view event, const registrar::Request& request) {
    std::ofstream file(path, std::ios::app);
    file << fmt::format(R"({{"event":"{}","name":"{}","generation":{},"port":{}}})", event,
                        request.name, request.generation.value, request.local_port)
         << std::endl;
    return file ? Status{} : fail(Errc::DiskFull, "cannot write '" + path + "'");
}

class EventFile final : public registrar::Registrar {
  public:
    explicit EventFile(std::string path) : path_(std::move(path)) {}

    std::string_view name() const override { return "events"; }

    net::Awaitable<Result<std::unique_ptr<registrar::Registration>>> register_name(
        registrar::Request request, TimePoint) override {
        if (auto done = append(path_, "register", request); !done) {
            co_return forward_error(done);
        }
        co_return std::make_unique<Handle>(path_, std::move(request));
    }

  private:
    /// The name is public while this lives. It keeps the request, and so the hold on the port.
    struct Handle final : registrar::Registration {
        Handle(std::string path, registrar::Request request)
            : path_(std::move(path)), request_(std::move(request)) {}

        ~Handle() override { std::ignore = append(path_, "unregister", request_); }

        std::string url() const override { return "http://" + request_.name + ".example.com"; }

        std::string path_;
        registrar::Request request_;
    };

    std::string path_;
};

int run(const net::Endpoint& listen, const std::string& names, const std::string& events) {
    const Logger logger = open_log({});
    std::vector<std::unique_ptr<auth::Authenticator>> authenticators;
    authenticators.push_back(std::make_unique<NamesFile>(names));
    std::vector<std::unique_ptr<registrar::Registrar>> registrars;
    registrars.push_back(std::make_unique<EventFile>(events));
    registrars.push_back(std::make_unique<registrar::LogRegistrar>(logger));
    const auto key = crypto::IdentityKey::generate();  // a real one is kept, for agents to know
    gateway::Gateway gateway({.listen = listen,
                              .descriptor_limit = net::raise_descriptor_limit().value(),
                              .memory_budget = 256U << 20U,
                              .software = "custom"},
                             {.tls = crypto::ServerTls::create(key).value(),
                              .authenticators = {std::move(authenticators), logger},
                              .registrars = registrar::RegistrarSet(std::move(registrars)),
                              .leases = {},
                              .name_policy = {}},
                             logger);
    net::asio::io_context context;
    net::asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([](auto, int) {});
    if (const auto bound = gateway.start(); !bound) {
        logger.error("{}", bound.error().text);
        return exit_code(bound.error().code);
    }
    context.run();  // until a signal comes
    gateway.stop(Clock::now() + std::chrono::seconds(5));
    return 0;
}

}  // namespace diglett::custom

int main(int argc, char** argv) {
    const auto listen = diglett::net::parse_endpoint(argc == 4 ? argv[1] : "");
    if (!listen) {
        std::cerr << "usage: custom_gateway HOST:PORT NAMES_FILE EVENTS_FILE\n";
        return 2;
    }
    return diglett::custom::run(*listen, argv[2], argv[3]);
}
