#include "registrar/registrar_set.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "base/escape.hpp"
#include "net/bounded_call.hpp"

namespace diglett::registrar {

/// The handles of all members. Also what undoes them when one fails or the call is cancelled.
class RegistrarSet::Combined final : public Registration {
  public:
    Combined(std::shared_ptr<Living> living, std::string name, Generation generation)
        : living_(std::move(living)), id_(std::move(name), generation) {
        living_->insert(id_);
    }

    ~Combined() override {
        while (!parts_.empty()) {
            parts_.pop_back();
        }
        living_->erase(id_);
    }

    Combined(const Combined&) = delete;
    Combined& operator=(const Combined&) = delete;

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
    std::shared_ptr<Living> living_;
    std::pair<std::string, Generation> id_;
    std::vector<std::unique_ptr<Registration>> parts_;
};

RegistrarSet::RegistrarSet(std::vector<Member> members, Logger logger)
    : logger_(std::move(logger)) {
    for (const bool optional : {false, true}) {
        for (auto& member : members) {
            if (member.registrar && member.optional == optional) {
                parts_.push_back({.registrar = std::move(member.registrar), .optional = optional});
            }
        }
    }
}

RegistrarSet::RegistrarSet(std::vector<std::unique_ptr<Registrar>> members) {
    for (auto& member : members) {
        parts_.push_back({.registrar = std::move(member), .optional = false});
    }
}

bool RegistrarSet::publishes(std::string_view kind) const {
    return std::ranges::all_of(
        parts_, [&](const Part& part) { return part.optional || part.registrar->publishes(kind); });
}

net::Awaitable<RegistrarSet::Answer> RegistrarSet::ask(std::shared_ptr<Registrar> registrar,
                                                       Request request, TimePoint deadline) {
    auto asked = registrar->register_name(std::move(request), deadline);
    co_return co_await std::move(asked);
}

net::Awaitable<RegistrarSet::Answer> RegistrarSet::register_name(Request request,
                                                                 TimePoint deadline) {
    if (living_->contains({request.name, request.generation})) {
        co_return fail(Errc::Internal, fmt::format("generation {} of name '{}' lives already",
                                                   request.generation.value, request.name));
    }
    const auto executor = co_await net::asio::this_coro::executor;
    auto combined = std::make_unique<Combined>(living_, request.name, request.generation);
    for (const auto& [registrar, optional] : parts_) {
        if (optional && !registrar->publishes(request.kind)) {
            continue;
        }
        const TimePoint by =
            optional ? std::min(deadline, Clock::now() + kOptionalPatience) : deadline;
        net::BoundedCall<Answer> call(executor);
        auto asked = call.run(ask(registrar, request, by), by);
        auto answer = co_await std::move(asked);
        if (answer && *answer) {
            combined->add(std::move(**answer));
            continue;
        }
        Error why = answer ? answer->error() : Error{Errc::TimedOut, "no answer came in time"};
        why.text = fmt::format("{}: {}", registrar->name(), why.text);
        if (!optional) {
            co_return std::unexpected(std::move(why));
        }
        logger_.warn("name '{}' goes on without an optional registrar: {}", request.name,
                     escape(why.text));
    }
    co_return std::move(combined);
}

}  // namespace diglett::registrar
