#pragma once

#include <utility>

#include "base/log.hpp"
#include "registrar/registrar.hpp"

namespace diglett::registrar {

/// Writes `register domain 'NAME' -> 'PORT'` to the log, and `unregister domain 'NAME'` when the
/// registration ends. Always on; never fails; gives no URL.
class LogRegistrar final : public Registrar {
  public:
    explicit LogRegistrar(Logger logger) : logger_(std::move(logger)) {}

    [[nodiscard]] std::string_view name() const override { return "log"; }

    /// It can tell of any that the protocol knows. (protocol 2.6)
    [[nodiscard]] bool publishes(std::string_view kind) const override {
        return kind == "http" || kind == "tls";
    }

    [[nodiscard]] net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(
        Request request, TimePoint deadline) override;

  private:
    Logger logger_;
};

}  // namespace diglett::registrar
