#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.hpp"
#include "net/listener.hpp"

namespace diglett::gateway {

/// A name of a session with its helper port, on the session's worker.
struct ServedName {
    RegistrationId registration;
    std::string name;
    std::optional<net::Listener> listener;  ///< None before it is bound and after it is closed.
    bool closed = false;                    ///< Given up; nothing more may be bound or opened.
};

}  // namespace diglett::gateway
