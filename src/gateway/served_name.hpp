#pragma once

#include <cstdint>
#include <memory>
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
    std::shared_ptr<void> place;            ///< Of the helper port among the descriptors.
    std::optional<net::Listener> listener;  ///< None before it is bound. Closed with the name.
    bool published = false;                 ///< The name leads here: visitors may be taken.
    bool closed = false;                    ///< Given up; nothing more may be bound or opened.
    bool given_up = false;                  ///< By an Unregister that came before the answer.
    bool answered = false;                  ///< The agent has had its Ok or Error.

    /// Frees the port. The listener stays, since somebody may be waiting for it.
    void close() {
        closed = true;
        if (listener) {
            listener->close();
        }
        place.reset();
    }
};

}  // namespace diglett::gateway
