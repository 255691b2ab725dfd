#include "registrar/log_registrar.hpp"

#include <string>
#include <utility>

namespace diglett::registrar {

namespace {

class LogRegistration final : public Registration {
  public:
    LogRegistration(Logger logger, std::string name)
        : logger_(std::move(logger)), name_(std::move(name)) {}

    ~LogRegistration() override { logger_.info("unregister domain '{}'", name_); }

    [[nodiscard]] std::string url() const override { return {}; }

  private:
    Logger logger_;
    std::string name_;
};

}  // namespace

net::Awaitable<Result<std::unique_ptr<Registration>>> LogRegistrar::register_name(
    Request request, TimePoint /*deadline*/) {
    logger_.info("register domain '{}' -> '{}'", request.name, request.local_port);
    co_return std::make_unique<LogRegistration>(logger_, std::move(request.name));
}

}  // namespace diglett::registrar
