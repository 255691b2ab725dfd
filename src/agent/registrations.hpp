#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "agent/service.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace diglett::agent {

/// The names of one session of protocol 2: which are to be asked for, which answers are due. Knows
/// no socket; the time is an argument.
class Registrations {
  public:
    struct Request {
        RegistrationId id;
        const Service* service;
    };

    /// @param services all to be asked for; they outlive this.
    explicit Registrations(const std::vector<Service>& services);

    /// The next to ask for; it counts as asked for from now on. None while kMaxUnansweredRegisters
    /// have no answer (protocol 2.6), when nothing waits whose time has come, after stop_asking().
    [[nodiscard]] std::optional<Request> next(TimePoint now);

    /// The login is accepted: what has been asked for is due within kRegisterTimeout.
    void on_welcome(TimePoint now);

    /// The gateway said Ok. @return null when `id` has no answer to come.
    [[nodiscard]] const Service* on_ok(RegistrationId id);

    /// The gateway refused the name or took it away: `id` is nothing any more.
    /// @return null when it was nothing before.
    [[nodiscard]] const Service* on_error(RegistrationId id);

    /// To be asked for once more, but not before `when`.
    void ask_again(const Service& service, TimePoint when);

    /// One side ends the session: no name is asked for any more. (protocol 9.3)
    void stop_asking() { is_asking_ = false; }

    /// The service behind `id`; null when there is none.
    [[nodiscard]] const Service* find(RegistrationId id) const;

    /// Whether no name is left, neither held nor asked for nor waiting.
    [[nodiscard]] bool empty() const { return asked_.empty() && waiting_.empty(); }

    /// Whether the gateway serves one of the names: it said Ok and nothing since.
    [[nodiscard]] bool holds_any() const {
        return std::ranges::any_of(asked_,
                                   [](const auto& each) { return each.second.is_registered; });
    }

    /// When the gateway must have answered at the latest; kNever before Welcome and when nothing is
    /// due.
    [[nodiscard]] TimePoint answer_by() const;

    /// When next() will have something that it does not have now, unless an answer comes before.
    [[nodiscard]] TimePoint next_at() const;

  private:
    struct Asked {
        const Service* service;
        TimePoint answer_by;
        bool is_registered = false;
    };

    struct Waiting {
        const Service* service;
        TimePoint when;
    };

    [[nodiscard]] bool may_ask() const;

    std::map<RegistrationId, Asked> asked_;
    std::vector<Waiting> waiting_;
    RegistrationId last_;
    std::size_t unanswered_ = 0;
    bool is_welcome_ = false;
    bool is_asking_ = true;
};

}  // namespace diglett::agent
