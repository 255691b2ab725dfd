#pragma once

#include <cstdint>

#include "base/unique_fd.hpp"

/// Sockets of helper ports: bound once, listening or refusing.
namespace diglett::gateway {

/// A TCP socket; none when no descriptor is left.
[[nodiscard]] UniqueFd make_socket();

/// Binds `fd` to `port` of 127.0.0.1, refusing. @return false when somebody else has the port; `fd`
/// is of no use then.
[[nodiscard]] bool bind_refusing(int fd, std::uint16_t port);

/// Takes visitors at a bound socket. @return false with errno.
[[nodiscard]] bool start_listening(int fd);

/// Refuses visitors, those that wait are reset; the port stays bound.
void stop_listening(int fd);

}  // namespace diglett::gateway
