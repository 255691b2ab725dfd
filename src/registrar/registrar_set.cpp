#include "registrar/registrar_set.hpp"

#include <algorithm>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "base/escape.hpp"

namespace diglett::registrar {

RegistrarSet::RegistrarSet(std::vector<Member> members, Logger logger, Duration pause)
    : logger_(std::move(logger)), pause_(pause) {
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

net::Awaitable<Result<std::unique_ptr<Registration>>> RegistrarSet::register_name(
    Request request, TimePoint deadline) {
    if (living_->contains({request.name, request.generation})) {
        co_return fail(Errc::Internal, fmt::format("generation {} of name '{}' lives already",
                                                   request.generation.value, request.name));
    }
    const net::Executor executor = co_await net::asio::this_coro::executor;
    auto combined = std::make_unique<Combined>(living_, request, logger_);
    for (const auto& [registrar, optional] : parts_) {
        if (optional && !registrar->publishes(request.kind)) {
            logger_.warn(
                "name '{}' goes on without an optional registrar: {}: kind '{}' is not "
                "published there",
                request.name, registrar->name(), escape(request.kind));
            continue;
        }
        const TimePoint by =
            optional ? std::min(deadline, Clock::now() + kOptionalPatience) : deadline;
        auto asking = ask_until(registrar, request, by);
        auto answer = co_await std::move(asking);
        if (answer) {
            combined->add(registrar, std::move(*answer));
            continue;
        }
        if (!optional) {
            co_return forward_error(answer);
        }
        logger_.warn("name '{}' goes on without an optional registrar: {}", request.name,
                     escape(answer.error().text));
        combined->miss(registrar);
    }
    combined->pursue(executor, pause_);
    co_return std::move(combined);
}

}  // namespace diglett::registrar
