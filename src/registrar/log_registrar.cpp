#include "registrar/log_registrar.hpp"

#include <string>
#include <utility>

namespace diglett::registrar {

namespace {

using Living = std::map<std::string, int>;

class LogRegistration final : public Registration {
  public:
    LogRegistration(Logger logger, std::shared_ptr<Living> living, std::string name)
        : logger_(std::move(logger)), living_(std::move(living)), name_(std::move(name)) {
        ++(*living_)[name_];
    }

    ~LogRegistration() override {
        const auto count = living_->find(name_);
        if (--count->second == 0) {
            living_->erase(count);
            logger_.info("unregister domain '{}'", name_);
        }
    }

    LogRegistration(const LogRegistration&) = delete;
    LogRegistration& operator=(const LogRegistration&) = delete;

    [[nodiscard]] std::string url() const override { return {}; }

  private:
    Logger logger_;
    std::shared_ptr<Living> living_;
    std::string name_;
};

}  // namespace

net::Awaitable<Result<std::unique_ptr<Registration>>> LogRegistrar::register_name(
    Request request, TimePoint /*deadline*/) {
    logger_.info("register domain '{}' -> '{}'", request.name, request.local_port);
    co_return std::make_unique<LogRegistration>(logger_, living_, std::move(request.name));
}

}  // namespace diglett::registrar
