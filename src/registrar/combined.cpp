#include "registrar/combined.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "base/escape.hpp"
#include "net/bounded_call.hpp"
#include "net/fatal.hpp"
#include "net/sleep.hpp"
#include "registrar/limits.hpp"

namespace diglett::registrar {

namespace {

using Answer = Result<std::unique_ptr<Registration>>;

/// Keeps the registrar alive as long as it answers, which may be longer than anybody waits.
net::Awaitable<Answer> ask(std::shared_ptr<Registrar> registrar, Request request,
                           TimePoint deadline) {
    auto asked = registrar->register_name(std::move(request), deadline);
    co_return co_await std::move(asked);
}

}  // namespace

net::Awaitable<Answer> ask_until(std::shared_ptr<Registrar> registrar, Request request,
                                 TimePoint deadline) {
    const auto executor = co_await net::asio::this_coro::executor;
    net::BoundedCall<Answer> call(executor);
    auto asked = call.run(ask(registrar, std::move(request), deadline), deadline);
    auto answer = co_await std::move(asked);
    if (answer && *answer) {
        co_return std::move(*answer);
    }
    Error why = answer ? answer->error() : Error{Errc::TimedOut, "no answer came in time"};
    why.text = fmt::format("{}: {}", registrar->name(), why.text);
    co_return std::unexpected(std::move(why));
}

/// A task that asks again, as its Combined and it see one another.
struct Combined::Pursuit {
    explicit Pursuit(Combined* of, net::Executor on) : owner(of), executor(on) {}

    Combined* owner;  ///< Null when that is gone.
    net::Executor executor;
    net::asio::cancellation_signal cancel;
    bool is_over = false;

    static void stop(const std::shared_ptr<Pursuit>& pursuit) {
        pursuit->owner = nullptr;
        if (pursuit->is_over) {
            return;
        }
        // From the loop, at once if this is it: elsewhere Asio's own handler would outlive
        // `cancel`.
        net::asio::dispatch(pursuit->executor, [pursuit] {
            if (!pursuit->is_over) {
                pursuit->cancel.emit(net::asio::cancellation_type::terminal);
            }
        });
    }

    /// Also when the task is destroyed where it waits, with its event loop.
    struct End {
        std::shared_ptr<Pursuit> of;

        ~End() { of->is_over = true; }
    };
};

Combined::Combined(std::shared_ptr<Living> living, Request request, Logger logger)
    : living_(std::move(living)), request_(std::move(request)), logger_(std::move(logger)) {
    living_->emplace(std::pair{request_.name, request_.generation}, this);
}

Combined::~Combined() {
    living_->erase({request_.name, request_.generation});
    if (pursuit_) {
        Pursuit::stop(pursuit_);
    }
    hand_on();
    while (!parts_.empty()) {
        parts_.pop_back();
    }
}

void Combined::add(const std::shared_ptr<Registrar>& registrar,
                   std::unique_ptr<Registration> made) {
    parts_.push_back({.registrar = registrar.get(), .made = std::move(made)});
}

std::string Combined::url() const {
    for (const auto& part : parts_) {
        if (auto url = part.made->url(); !url.empty()) {
            return url;
        }
    }
    return {};
}

bool Combined::misses(const Registrar* registrar) const {
    return std::ranges::any_of(missing_,
                               [&](const auto& each) { return each.lock().get() == registrar; });
}

/// Gives the newest of the name what it misses.
void Combined::hand_on() {
    const auto above = living_->upper_bound({request_.name, Generation{UINT64_MAX}});
    if (above == living_->begin()) {
        return;
    }
    auto& [id, newest] = *std::prev(above);
    if (id.first != request_.name || id.second < request_.generation ||
        newest->request_.kind != request_.kind ||
        newest->request_.local_port != request_.local_port) {
        return;
    }
    for (auto part = parts_.begin(); part != parts_.end();) {
        if (newest->misses(part->registrar)) {
            part->stands_in = true;
            newest->parts_.push_back(std::move(*part));
            part = parts_.erase(part);
        } else {
            ++part;
        }
    }
}

void Combined::pursue(net::Executor executor, Duration pause) {
    if (missing_.empty()) {
        return;
    }
    pursuit_ = std::make_shared<Pursuit>(this, executor);
    auto on_end = [pursuit = pursuit_](const std::exception_ptr& exception) {
        net::die_unless_cancelled(exception);
    };
    net::asio::co_spawn(
        executor, ask_again(pursuit_, pause),
        net::asio::bind_cancellation_slot(pursuit_->cancel.slot(), std::move(on_end)));
}

net::Awaitable<void> Combined::ask_again(std::shared_ptr<Pursuit> pursuit, Duration pause) {
    const Pursuit::End end(pursuit);
    while (pursuit->owner != nullptr && !pursuit->owner->missing_.empty()) {
        auto sleeping = net::sleep_until(Clock::now() + pause);
        const bool slept = co_await std::move(sleeping);
        if (!slept || pursuit->owner == nullptr) {
            co_return;
        }
        const auto missing = pursuit->owner->missing_;
        for (const auto& weak : missing) {
            const auto registrar = weak.lock();
            if (!registrar) {
                continue;
            }
            auto asking =
                ask_until(registrar, pursuit->owner->request_, Clock::now() + kOptionalPatience);
            auto answer = co_await std::move(asking);
            if (pursuit->owner == nullptr) {
                co_return;  // what came all the same is undone here
            }
            pursuit->owner->settle(registrar, std::move(answer));
        }
    }
}

void Combined::settle(const std::shared_ptr<Registrar>& registrar, Answer answer) {
    if (!answer) {
        logger_.debug("name '{}' still goes without an optional registrar: {}", request_.name,
                      escape(answer.error().text));
        return;
    }
    logger_.info("name '{}' has its optional registrar {}", request_.name, registrar->name());
    std::erase_if(missing_, [&](const auto& each) { return each.lock() == registrar; });
    add(registrar, std::move(*answer));
    // An older one, dropped after that, removes nothing.
    std::erase_if(parts_, [&](const Part& part) {
        return part.stands_in && part.registrar == registrar.get();
    });
}

}  // namespace diglett::registrar
