#include "base/process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

namespace diglett {
namespace {

// In a child, which says by its exit code what it found: it closes its standard descriptors.
int look_from_inside() {
    for (int fd = 0; fd <= 2; ++fd) {
        ::close(fd);
    }
    prepare_process();
    const int next = ::open("/dev/null", O_RDONLY);
    struct sigaction action{};
    ::sigaction(SIGPIPE, nullptr, &action);
    const bool all_open = ::fcntl(0, F_GETFD) != -1 && ::fcntl(2, F_GETFD) != -1;
    return next > 2 && all_open && action.sa_handler == SIG_IGN ? 0 : 1;
}

TEST(PrepareProcessDeathTest, OpensTheStandardDescriptorsAndIgnoresSigpipe) {
    EXPECT_EXIT(std::_Exit(look_from_inside()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace diglett
