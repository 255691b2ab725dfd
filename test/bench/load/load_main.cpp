#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "test/bench/load/modes.hpp"
#include "test/bench/load/sockets.hpp"

namespace {

struct Arguments {
    std::string address;
    std::string counter;
    std::string direction = "backend";
    std::size_t count = 1;
    std::size_t size = 64;
    long warmup_ms = 200;
    long window_ms = 800;
};

void add_commands(CLI::App& app, Arguments& arguments) {
    app.require_subcommand(1);
    const auto command = [&](const std::string& name, const std::string& text) {
        CLI::App* added = app.add_subcommand(name, text);
        added->add_option("address", arguments.address, "A.B.C.D:PORT")->required();
        added->add_option("--ms", arguments.window_ms, "length of the measured window");
        return added;
    };
    command("backend", "serve echo, sink, source and idle connections");
    CLI::App* bulk = command("bulk", "throughput of COUNT streams one way");
    bulk->add_option("--counter", arguments.counter, "the backend itself")->required();
    bulk->add_option("--toward", arguments.direction)->check(CLI::IsMember({"backend", "visitor"}));
    bulk->add_option("--count", arguments.count, "streams")->check(CLI::Range(1, 4096));
    bulk->add_option("--warmup-ms", arguments.warmup_ms);
    command("ping", "round trips on one connection")
        ->add_option("--size", arguments.size, "bytes")
        ->check(CLI::Range(1, 65536));
    command("connect", "new connections per second, COUNT at a time")
        ->add_option("--count", arguments.count)
        ->check(CLI::Range(1, 4096));
    command("hold", "open COUNT connections and keep them until stdin ends")
        ->add_option("--count", arguments.count)
        ->check(CLI::Range(1, 60000));
}

void run(const std::string& command, const Arguments& arguments) {
    namespace bench = diglett::bench;
    const sockaddr_in address = bench::parse_address(arguments.address);
    const std::chrono::milliseconds window{arguments.window_ms};
    if (command == "backend") {
        bench::run_backend(address);
    } else if (command == "bulk") {
        const bench::BulkOptions options{
            .to = address,
            .counter = bench::parse_address(arguments.counter),
            .toward_backend = arguments.direction == "backend",
            .streams = arguments.count,
            .warmup = std::chrono::milliseconds{arguments.warmup_ms},
            .window = window,
        };
        fmt::print("{}\n", bench::run_bulk(options));
    } else if (command == "ping") {
        fmt::print("{}\n", bench::run_ping(address, arguments.size, window));
    } else if (command == "connect") {
        const bench::RateOptions options{
            .to = address, .parallel = arguments.count, .window = window};
        fmt::print("{}\n", bench::run_connect_rate(options));
    } else {
        bench::run_hold(address, arguments.count);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Load of the diglett benchmark; results are one line of JSON"};
    Arguments arguments;
    add_commands(app, arguments);
    CLI11_PARSE(app, argc, argv);
    run(app.get_subcommands().front()->get_name(), arguments);
    return 0;
}
