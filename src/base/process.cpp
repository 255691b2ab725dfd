#include "base/process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace diglett {

void prepare_process() {
    std::signal(SIGPIPE, SIG_IGN);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            // The lowest free number is `fd` itself; without /dev/null nothing better can be done.
            [[maybe_unused]] const int opened = ::open("/dev/null", O_RDWR);
        }
    }
}

}  // namespace diglett
