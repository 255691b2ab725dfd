#include "agent/registrations.hpp"

#include <algorithm>

#include "agent/limits.hpp"

namespace diglett::agent {

Registrations::Registrations(const std::vector<Service>& services) {
    for (const auto& service : services) {
        waiting_.push_back({.service = &service, .when = TimePoint::min()});
    }
}

bool Registrations::may_ask() const {
    return is_asking_ && unanswered_ < kMaxUnansweredRegisters;
}

std::optional<Registrations::Request> Registrations::next(TimePoint now) {
    const auto due =
        std::ranges::find_if(waiting_, [now](const auto& entry) { return entry.when <= now; });
    if (!may_ask() || due == waiting_.end()) {
        return std::nullopt;
    }
    const Request request{.id = {++last_.value}, .service = due->service};
    waiting_.erase(due);
    ++unanswered_;
    asked_.emplace(request.id, Asked{.service = request.service,
                                     .answer_by = is_welcome_ ? now + kRegisterTimeout : kNever});
    return request;
}

void Registrations::on_welcome(TimePoint now) {
    is_welcome_ = true;
    for (auto& [id, asked] : asked_) {
        asked.answer_by = now + kRegisterTimeout;
    }
}

const Service* Registrations::on_ok(RegistrationId id) {
    const auto asked = asked_.find(id);
    if (asked == asked_.end() || asked->second.is_registered) {
        return nullptr;
    }
    asked->second.is_registered = true;
    --unanswered_;
    return asked->second.service;
}

const Service* Registrations::on_error(RegistrationId id) {
    const auto asked = asked_.find(id);
    if (asked == asked_.end()) {
        return nullptr;
    }
    const Service* const service = asked->second.service;
    unanswered_ -= asked->second.is_registered ? 0 : 1;
    asked_.erase(asked);
    return service;
}

void Registrations::ask_again(const Service& service, TimePoint when) {
    waiting_.push_back({.service = &service, .when = when});
}

const Service* Registrations::find(RegistrationId id) const {
    const auto asked = asked_.find(id);
    return asked == asked_.end() ? nullptr : asked->second.service;
}

TimePoint Registrations::answer_by() const {
    TimePoint earliest = kNever;
    for (const auto& [id, asked] : asked_) {
        if (!asked.is_registered) {
            earliest = std::min(earliest, asked.answer_by);
        }
    }
    return earliest;
}

TimePoint Registrations::next_at() const {
    TimePoint earliest = kNever;
    if (may_ask()) {
        for (const auto& entry : waiting_) {
            earliest = std::min(earliest, entry.when);
        }
    }
    return earliest;
}

}  // namespace diglett::agent
