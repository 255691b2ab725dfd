#include "net/descriptor_limit.hpp"

#include <sys/resource.h>

#include <cerrno>

#include <fmt/format.h>

#include "net/socket.hpp"

namespace diglett::net {

Result<std::size_t> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return fail(Errc::IoFailed,
                    fmt::format("cannot read the descriptor limit: {}", errno_text(errno)));
    }
    if (limit.rlim_cur == limit.rlim_max) {
        return limit.rlim_cur;
    }
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return fail(Errc::IoFailed,
                    fmt::format("cannot raise the descriptor limit: {}", errno_text(errno)));
    }
    return limit.rlim_cur;
}

}  // namespace diglett::net
