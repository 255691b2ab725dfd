#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/address.hpp"
#include "net/async.hpp"
#include "net/dial.hpp"
#include "net/endpoint.hpp"
#include "net/limits.hpp"

namespace diglett::net {

/// Asks the name service in threads, since the C library's call cannot be cancelled. Nobody waits
/// for a thread: who leaves early leaves at once, and a lookup under way holds up neither an event
/// loop nor the end of the process. Callers that ask for the same host share one lookup, so that
/// one name that hangs keeps one thread. From any thread.
class Lookups {
  public:
    /// The addresses of a host (port 0) or why there are none.
    using Answer = std::expected<std::vector<Address>, std::string>;
    /// Called in a thread of its own, perhaps after the Lookups have gone.
    using Function = std::function<Answer(const std::string& host)>;

    struct Limits {
        std::size_t threads = kMaxLookupThreads;
        std::size_t waiting = kMaxWaitingLookups;
    };

    explicit Lookups(Function function);
    Lookups(Function function, Limits limits);

    /// Those of the process, which ask the system (getaddrinfo). One for all, as threads are the
    /// process's.
    [[nodiscard]] static Lookups& of_system();

    /// @return at least one address, with the endpoint's port. Errors: Unresolved; TimedOut at
    /// `deadline`, which counts while waiting for a thread, too; Cancelled; Other with LimitReached
    /// when kMaxWaitingLookups names wait or no thread can be had.
    [[nodiscard]] Awaitable<std::expected<std::vector<Address>, DialError>> ask(Endpoint endpoint,
                                                                                TimePoint deadline);

  private:
    struct State;
    std::shared_ptr<State> state_;  // the threads have it, too
};

}  // namespace diglett::net
