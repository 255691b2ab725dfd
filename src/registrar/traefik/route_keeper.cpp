#include "registrar/traefik/route_keeper.hpp"

#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "registrar/traefik/limits.hpp"

namespace diglett::registrar::traefik {

void warn_of_foreign(const Logger& logger, const RouteDirectory& directory, const Swept& swept) {
    for (const auto& file : swept.foreign) {
        logger.warn(
            "'{}' is called like a file of this gateway's, but is none: it stays, and its "
            "name cannot be registered",
            escape((directory.path() / file).native()));
    }
}

RouteKeeper::RouteKeeper(RouteDirectory directory, Logger logger)
    : directory_(std::move(directory)), logger_(std::move(logger)) {}

Status RouteKeeper::begin(Claim claim) {
    auto usable = look_after_directory();
    if (!usable) {
        return usable;
    }
    if (Clock::now() < std::exchange(tell_until_, TimePoint::min())) {
        return fail(Errc::UnreadableFile,
                    fmt::format("the directory '{}' was made anew: restart Traefik, which watches "
                                "only the one that was there when it started",
                                escape(directory_.path().native())));
    }
    const auto at = names_.try_emplace(claim.name).first;
    auto& living = at->second.living;
    if (!living.empty() && living.rbegin()->first >= claim.generation) {
        return fail(Errc::NameReplaced,
                    fmt::format("'{}' has a newer registration", escape(claim.name)));
    }
    living[claim.generation] = {std::move(claim.content), std::move(claim.port_hold)};
    at->second.settled = false;
    auto done = settle(at);
    if (!done) {
        complain(done.error());
        end(at, claim.generation);
    }
    return done;
}

void RouteKeeper::end(const std::string& name, Generation generation) {
    const auto at = names_.find(name);
    if (at != names_.end() && at->second.living.contains(generation)) {
        end(at, generation);
    }
}

void RouteKeeper::end(Names::iterator at, Generation generation) {
    auto& name = at->second;
    const bool decides = name.living.rbegin()->first == generation;
    const auto ended = name.living.extract(generation);
    if (name.settled && !decides) {
        return;  // the route is that of a newer one
    }
    name.ended_holds.push_back(ended.mapped().port_hold);
    name.settled = false;
    bring_about(at);
}

/// @return whether the name's file is as it should be; then forgets the name if nothing is left.
Status RouteKeeper::settle(Names::iterator at) {
    auto& [text, name] = *at;
    auto done = name.living.empty() ? directory_.remove(text)
                                    : directory_.put(text, name.living.rbegin()->second.content);
    if (!done) {
        return done;
    }
    if (std::exchange(name.overdue, false)) {
        logger_.info("the route of '{}' is as it should be again", escape(text));
    }
    name.settled = true;
    name.ended_holds.clear();
    if (name.living.empty()) {
        names_.erase(at);
    }
    return {};
}

/// As settle(); what fails is tried again by tick(). Without a directory nothing is settled:
/// Traefik goes on with what it has read from it.
void RouteKeeper::bring_about(Names::iterator at) {
    auto done = look_after_directory();
    if (done) {
        done = settle(at);
    }
    if (!done) {
        at->second.overdue = true;
        complain(done.error());
    }
}

Status RouteKeeper::look_after_directory() {
    const auto anew = directory_.refresh();
    if (!anew) {
        return forward_error(anew);
    }
    if (*anew) {
        logger_.warn("the directory '{}' was made anew; Traefik must be restarted to see it",
                     escape(directory_.path().native()));
        tell_until_ = Clock::now() + kTellTime;
        sweep_due_ = true;
        for (auto& [text, name] : names_) {
            name.settled = false;
        }
    }
    if (sweep_due_) {
        sweep();
    }
    return {};
}

/// Removes what came with a directory, from a copy say: it leads to ports that may be anybody's
/// now.
void RouteKeeper::sweep() {
    const auto wanted = [this](std::string_view name) { return names_.contains(name); };
    const auto swept = directory_.remove_leftovers(wanted);
    sweep_due_ = !swept.has_value();
    if (!swept) {
        complain(swept.error());
        return;
    }
    warn_of_foreign(logger_, directory_, *swept);
    if (!swept->removed.empty()) {
        logger_.warn("{} routes of nobody were in the directory and are removed",
                     swept->removed.size());
    }
}

void RouteKeeper::tick() {
    if (const auto usable = look_after_directory(); !usable) {
        complain(usable.error());
        return;
    }
    for (auto at = names_.begin(); at != names_.end();) {
        const auto next = std::next(at);
        if (!at->second.settled) {
            bring_about(at);
        }
        at = next;
    }
    if (const auto lasting = directory_.sync(); !lasting) {
        complain(lasting.error());
    }
}

void RouteKeeper::end_all() {
    for (auto at = names_.begin(); at != names_.end();) {
        const auto next = std::next(at);
        at->second.living.clear();
        bring_about(at);  // what fails now is a leftover of the next start
        at = next;
    }
    if (const auto lasting = directory_.sync(); !lasting) {
        complain(lasting.error());
    }
}

void RouteKeeper::complain(const Error& error) {
    const auto now = Clock::now();
    if (now < next_complaint_) {
        logger_.debug("{}", error.text);
        return;
    }
    next_complaint_ = now + kComplaintPause;
    logger_.warn("{}", error.text);
}

}  // namespace diglett::registrar::traefik
