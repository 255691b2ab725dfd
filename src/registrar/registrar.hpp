#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "net/async.hpp"

namespace diglett::registrar {

/// A name that is to become public. Fields may be added.
struct Request {
    std::string name;  ///< Checked by the name grammar.
    Generation generation;
    std::string kind;          ///< "http", "tls"
    std::uint16_t local_port;  ///< Helper port on 127.0.0.1 that leads to the agent.

    /// Kept by each registrar as long as something outside may still lead visitors of this name to
    /// `local_port`: beyond the end of the registration, until its removal has really worked. The
    /// port goes to no other name before. Let go on any thread.
    std::shared_ptr<void> port_hold{};
};

/// A name that is public as long as this object lives; destroying it removes the name. Removing may
/// take its time and is tried until it works. Of several registrations of one name the newest
/// generation decides: the end of an older one removes nothing.
class Registration {
  public:
    virtual ~Registration() = default;

    /// The public URL, empty if this registrar gives none.
    [[nodiscard]] virtual std::string url() const = 0;
};

/// How a name becomes public: one call. Lives on the control executor.
class Registrar {
  public:
    virtual ~Registrar() = default;

    /// A word for logs: "log".
    [[nodiscard]] virtual std::string_view name() const = 0;

    /// Whether names of `kind` can become public here.
    [[nodiscard]] virtual bool publishes(std::string_view kind) const { return kind == "http"; }

    /// Makes `request.name` public. @return the handle, or an error (DiskFull, TimedOut, ...) with
    /// nothing left behind.
    [[nodiscard]] virtual net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(
        Request request, TimePoint deadline) = 0;
};

}  // namespace diglett::registrar
