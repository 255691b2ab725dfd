#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "gateway/visitor_places.hpp"
#include "routing/port_file.hpp"

namespace diglett::gateway {

/// A name's right to its helper port on 127.0.0.1, which stays bound while this lives, and for the
/// rest after the last one of the name is gone. Safe from any thread.
class HelperPort {
  public:
    virtual ~HelperPort() = default;

    [[nodiscard]] virtual std::uint16_t number() const = 0;

    /// Takes visitors from now on, in place of an older HelperPort of the same name.
    /// @return a listening socket to accept from, which the caller closes; LimitReached, IoFailed.
    [[nodiscard]] virtual Result<UniqueFd> listen() = 0;

    /// Refuses visitors from now on; those that nobody has accepted are reset. Does nothing once a
    /// newer HelperPort of the name listens.
    virtual void refuse() = 0;

    /// Whether this one takes visitors, and not a newer one.
    [[nodiscard]] virtual bool is_listening() const = 0;
};

/// All helper ports of the gateway: whatever leads visitors to a name from outside, leads them to
/// one of these, and may go on doing so for a while after the name is gone. So a port goes to
/// another name only after a rest, during which it is bound and refuses. Control executor only;
/// what it hands out is safe from any thread and may outlive it.
///
/// Which ports are kept for whom stands in a file before anybody hears of a port, so that a restart
/// cuts no rest short: an orderly end writes when each rest is over; after a crash all begin anew.
/// Only a wall clock that jumps forward while no gateway runs shortens them.
///
/// A port is bound once and stays so: listening begins by listen() and ends by shutdown(), which on
/// Linux leaves a socket bound that was bound to a port of the caller's choice.
class HelperPorts {
  public:
    struct Options {
        std::uint16_t low = 10'000;   ///< The first port, > 0.
        std::uint16_t high = 19'999;  ///< The last, at least `low`.
        /// How long a port refuses after its name is gone for certain. It covers a reverse proxy
        /// that keeps an old route while it cannot read its configuration.
        Duration rest = std::chrono::minutes(10);
    };

    /// @param places for the descriptors; outlives this and all that it hands out.
    /// @param file of the run before; written from restore() on.
    HelperPorts(Options options, VisitorPlaces& places, Logger logger, routing::PortFile file = {});
    ~HelperPorts();

    HelperPorts(const HelperPorts&) = delete;
    HelperPorts& operator=(const HelperPorts&) = delete;

    /// A port for `name`, refusing until listen(): the one it has or had, else `last_port` if that
    /// is free, else the one that has been free longest. Ports in use elsewhere are skipped.
    /// @param last_port 0: none is known.
    /// @return LimitReached when there is no port or no descriptor.
    [[nodiscard]] Result<std::shared_ptr<HelperPort>> take(const std::string& name,
                                                           std::uint16_t last_port);

    /// An earlier run led visitors of `name` to `port`, and something outside may still do so: it
    /// rests from now on, bound unless somebody else has it. Nothing for a port out of the range or
    /// kept already.
    void take_leftover(const std::string& name, std::uint16_t port);

    /// The ports of the file rest as long as they would have, at most the whole rest. Once, after
    /// take_leftover() and before the first take().
    void restore();

    /// Some name had `port` last: among the free ones it is given to another name last.
    void mark_used(std::uint16_t port);

    /// Lets those go that have rested long enough at `now`.
    void free_rested(TimePoint now);

    /// Ports that are bound, resting ones included.
    [[nodiscard]] std::size_t bound_count() const;

  private:
    class Bound;
    struct State;

    /// What the file says of ports at rest.
    enum class Rests : std::uint8_t { Anew, Exact };

    [[nodiscard]] bool is_stored() const;
    void store(Rests rests);

    std::shared_ptr<State> state_;
    routing::PortFile file_;
    bool is_restored_ = false;
    std::optional<TimePoint> last_stored_;  ///< By free_rested().
};

}  // namespace diglett::gateway
