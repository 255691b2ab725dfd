#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "registrar/registrar.hpp"

namespace diglett::registrar {

/// Writes `register domain 'NAME' -> 'PORT'` to the log, and `unregister domain 'NAME'` when the
/// last registration of that name ends: while it passes from one generation to the next, it stays
/// public. Always on; never fails; gives no URL.
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
    /// How many registrations of a name live.
    std::shared_ptr<std::map<std::string, int>> living_ =
        std::make_shared<std::map<std::string, int>>();
};

}  // namespace diglett::registrar
