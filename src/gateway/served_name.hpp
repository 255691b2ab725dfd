#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.hpp"
#include "gateway/helper_ports.hpp"
#include "gateway/name_service.hpp"
#include "net/listener.hpp"

namespace diglett::gateway {

/// A name of a session with its helper port, on the session's worker.
struct ServedName {
    RegistrationId registration;
    std::string name;
    Moment moment = Moment::Later;          ///< When it was asked for.
    std::shared_ptr<HelperPort> port;       ///< None before it is had.
    std::shared_ptr<void> place;            ///< Of `listener` among the descriptors.
    std::optional<net::Listener> listener;  ///< None before it is public. Closed with the name.
    bool published = false;                 ///< The name leads here: visitors may be taken.
    bool closed = false;                    ///< Given up; nothing more may be opened.
    bool given_up = false;                  ///< By an Unregister that came before the answer.
    bool answered = false;                  ///< The agent has had its Ok or Error.

    /// The port refuses. The listener stays, since somebody may be waiting for it.
    void close() {
        closed = true;
        if (port) {
            port->refuse();
        }
        if (listener) {
            listener->close();
        }
        place.reset();
    }
};

}  // namespace diglett::gateway
