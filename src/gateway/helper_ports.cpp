#include "gateway/helper_ports.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/assert.hpp"
#include "gateway/helper_port_socket.hpp"
#include "gateway/helper_ports_state.hpp"
#include "gateway/limits.hpp"
#include "net/socket.hpp"

namespace diglett::gateway {

class HelperPorts::Bound final : public HelperPort {
  public:
    /// The caller holds the lock.
    Bound(std::shared_ptr<State> state, std::uint16_t port)
        : state_(std::move(state)), port_(port) {
        State::Record& record = record_of();
        ++record.holds;
        record.rests_until.reset();
    }

    ~Bound() override {
        const std::lock_guard lock(state_->mutex);
        State::Record& record = record_of();
        if (record.listener == this) {
            record.listener = nullptr;
            stop_listening(record.socket.get());
        }
        if (--record.holds == 0) {
            record.rests_until = Clock::now() + state_->options.rest;
            if (state_->options.rest <= Duration{}) {
                state_->free_rested(Clock::now());
            }
        }
    }

    Bound(const Bound&) = delete;
    Bound& operator=(const Bound&) = delete;

    [[nodiscard]] std::uint16_t number() const override { return port_; }

    [[nodiscard]] Result<UniqueFd> listen() override {
        const std::lock_guard lock(state_->mutex);
        State::Record& record = record_of();
        if (record.listener != nullptr) {
            stop_listening(record.socket.get());  // what waits there is for the older one
            record.listener = nullptr;
        }
        UniqueFd copy(::fcntl(record.socket.get(), F_DUPFD_CLOEXEC, 0));
        if (!copy) {
            return fail(Errc::LimitReached, "no descriptor is left for the helper port");
        }
        if (!start_listening(record.socket.get())) {
            return fail(Errc::IoFailed, fmt::format("cannot listen on 127.0.0.1:{}: {}", port_,
                                                    net::errno_text(errno)));
        }
        record.listener = this;
        return copy;
    }

    void refuse() override {
        const std::lock_guard lock(state_->mutex);
        State::Record& record = record_of();
        if (record.listener == this) {
            record.listener = nullptr;
            stop_listening(record.socket.get());
        }
    }

    [[nodiscard]] bool is_listening() const override {
        const std::lock_guard lock(state_->mutex);
        return record_of().listener == this;
    }

  private:
    [[nodiscard]] State::Record& record_of() const { return state_->kept.at(port_); }

    std::shared_ptr<State> state_;
    std::uint16_t port_;
};

HelperPorts::HelperPorts(Options options, VisitorPlaces& places, Logger logger,
                         routing::PortFile file)
    : state_(std::make_shared<State>(options, places, std::move(logger))), file_(std::move(file)) {
    DIGLETT_ASSERT(options.low > 0 && options.low <= options.high);
}

HelperPorts::~HelperPorts() {
    if (is_stored()) {
        store(Rests::Exact);
    }
}

Result<std::shared_ptr<HelperPort>> HelperPorts::take(const std::string& name,
                                                      std::uint16_t last_port) {
    std::unique_lock lock(state_->mutex);
    state_->free_rested(Clock::now());
    const std::uint16_t port = state_->bind_one(name, last_port);
    if (port == 0) {
        return fail(Errc::LimitReached, "the gateway has no port for it");
    }
    auto taken = std::make_shared<Bound>(state_, port);
    const bool is_new = std::exchange(state_->is_new, false);
    lock.unlock();
    if (is_new && is_stored()) {
        store(Rests::Anew);
    }
    return taken;
}

void HelperPorts::take_leftover(const std::string& name, std::uint16_t port) {
    const std::lock_guard lock(state_->mutex);
    state_->take_resting(name, port, state_->options.rest);
}

void HelperPorts::restore() {
    std::unique_lock lock(state_->mutex);
    const auto now = std::chrono::system_clock::now();
    const Duration rest = state_->options.rest;
    for (const auto& [number, port] : file_.found()) {
        // The wall clock may have been set meanwhile.
        const Duration left =
            port.rests_until ? std::min<Duration>(*port.rests_until - now, rest) : rest;
        if (left > Duration{}) {
            state_->take_resting(port.name, number, left);
        }
    }
    const bool is_needed = !state_->kept.empty() || !file_.found().empty();
    lock.unlock();
    is_restored_ = true;
    if (is_needed) {
        store(Rests::Anew);
    }
}

void HelperPorts::mark_used(std::uint16_t port) {
    const std::lock_guard lock(state_->mutex);
    if (state_->is_free(port)) {
        state_->take_out(port);
        state_->put_last(port);
    }
}

void HelperPorts::free_rested(TimePoint now) {
    std::unique_lock lock(state_->mutex);
    state_->free_rested(now);
    const bool changed = state_->changed;
    lock.unlock();
    if (changed && is_stored() && (!last_stored_ || now - *last_stored_ >= kPortsStorePause)) {
        store(Rests::Anew);
        last_stored_ = now;
    }
}

bool HelperPorts::is_stored() const {
    return is_restored_ && state_->options.rest > Duration{};
}

/// Not under the lock: the disk may be slow, and workers would wait.
void HelperPorts::store(Rests rests) {
    std::unique_lock lock(state_->mutex);
    const auto ports = state_->to_store(rests);
    state_->changed = false;
    lock.unlock();
    if (!file_.save(ports)) {
        lock.lock();
        state_->changed = true;
    }
}

std::size_t HelperPorts::bound_count() const {
    const std::lock_guard lock(state_->mutex);
    return static_cast<std::size_t>(std::ranges::count_if(
        state_->kept, [](const auto& entry) { return bool(entry.second.socket); }));
}

}  // namespace diglett::gateway
