#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "registrar/combined.hpp"
#include "registrar/limits.hpp"
#include "registrar/registrar.hpp"

namespace diglett::registrar {

/// Several registrars as one.
class RegistrarSet {
  public:
    struct Member {
        std::unique_ptr<Registrar> registrar;
        /// Names go on without it: what it fails to do, or cannot, is logged.
        bool optional = false;
    };

    /// @param members asked in this order, the optional ones after the others; those that only tell
    /// of a name (log) stand last.
    /// @param pause before an optional one that failed is asked again, as long as the name lives.
    explicit RegistrarSet(std::vector<Member> members, Logger logger = {},
                          Duration pause = kOptionalPause);
    /// All of them required.
    explicit RegistrarSet(std::vector<std::unique_ptr<Registrar>> members);

    /// Whether every required member publishes names of `kind`.
    [[nodiscard]] bool publishes(std::string_view kind) const;

    /// Makes a name public with every member, or with none: when a required one fails, those before
    /// it are undone in reverse order and its error is returned.
    /// @param deadline for all together, whatever they do; an optional one has kOptionalPatience
    /// of it.
    /// @return one handle for all; its url() is the first that a member gives. It undoes in
    /// reverse. TimedOut at the deadline; Internal while a registration of the same name and
    /// generation lives. The handle goes before the executor of this call does.
    [[nodiscard]] net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(
        Request request, TimePoint deadline);

  private:
    struct Part {
        std::shared_ptr<Registrar> registrar;
        bool optional;
    };

    std::vector<Part> parts_;  ///< In the order they are asked.
    Logger logger_;
    Duration pause_ = kOptionalPause;
    std::shared_ptr<Combined::Living> living_ = std::make_shared<Combined::Living>();
};

}  // namespace diglett::registrar
