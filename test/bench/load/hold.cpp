#include <unistd.h>

#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "test/bench/load/modes.hpp"
#include "test/bench/load/sockets.hpp"

namespace diglett::bench {

void run_hold(const sockaddr_in& to, std::size_t streams) {
    raise_descriptor_limit();
    std::vector<Fd> held;
    held.reserve(streams);
    for (std::size_t i = 0; i < streams; ++i) {
        Fd fd = connect_to(to);
        char byte = static_cast<char>(Role::Idle);
        send_all(fd, &byte, 1);
        receive_all(fd, &byte, 1);
        held.push_back(std::move(fd));
    }
    fmt::print("{{\"held\":{}}}\n", held.size());
    std::fflush(stdout);

    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

}  // namespace diglett::bench
