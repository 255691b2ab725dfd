#include "registrar/registrar_set.hpp"

#include <string>
#include <utility>

namespace diglett::registrar {

namespace {

/// The handles of all members. Also what undoes them when one fails or the call is cancelled.
class CombinedRegistration final : public Registration {
  public:
    ~CombinedRegistration() override {
        while (!parts_.empty()) {
            parts_.pop_back();
        }
    }

    void add(std::unique_ptr<Registration> part) { parts_.push_back(std::move(part)); }

    [[nodiscard]] std::string url() const override {
        for (const auto& part : parts_) {
            if (auto url = part->url(); !url.empty()) {
                return url;
            }
        }
        return {};
    }

  private:
    std::vector<std::unique_ptr<Registration>> parts_;
};

}  // namespace

net::Awaitable<Result<std::unique_ptr<Registration>>> RegistrarSet::register_name(
    Request request, TimePoint deadline) {
    auto combined = std::make_unique<CombinedRegistration>();
    for (const auto& member : members_) {
        auto asked = member->register_name(request, deadline);
        auto registered = co_await std::move(asked);
        if (!registered) {
            co_return fail(registered.error().code,
                           std::string(member->name()) + ": " + registered.error().text);
        }
        combined->add(std::move(*registered));
    }
    co_return std::move(combined);
}

}  // namespace diglett::registrar
