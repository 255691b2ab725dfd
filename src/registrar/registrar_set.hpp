#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "registrar/registrar.hpp"

namespace diglett::registrar {

/// Several registrars as one.
class RegistrarSet {
  public:
    /// @param members asked in this order; those that only tell of it (log) stand last.
    explicit RegistrarSet(std::vector<std::unique_ptr<Registrar>> members)
        : members_(std::move(members)) {}

    /// Makes a name public with every member, or with none: when one fails, those before it are
    /// undone in reverse order and its error is returned.
    /// @param deadline for all together.
    /// @return one handle for all; its url() is the first that a member gives. It undoes in
    /// reverse.
    [[nodiscard]] net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(
        Request request, TimePoint deadline);

  private:
    std::vector<std::unique_ptr<Registrar>> members_;
};

}  // namespace diglett::registrar
