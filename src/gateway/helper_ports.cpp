#include "gateway/helper_ports.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/assert.hpp"
#include "base/escape.hpp"
#include "gateway/helper_port_socket.hpp"
#include "gateway/limits.hpp"
#include "net/socket.hpp"

namespace diglett::gateway {

namespace {

/// A port that is kept for a name.
struct Record {
    std::string name;
    UniqueFd socket;  ///< Bound. None while it rests and could not be bound when that began.
    std::shared_ptr<void> place;
    std::size_t holds = 0;                 ///< HelperPorts of it that live.
    const void* listener = nullptr;        ///< The one of those that takes visitors.
    std::optional<TimePoint> rests_until;  ///< While there are none.
};

}  // namespace

struct HelperPorts::State {
    State(Options given, VisitorPlaces& counted, Logger log)
        : options(given), places(counted), logger(std::move(log)) {
        for (std::uint32_t port = options.low; port <= options.high; ++port) {
            put_last(static_cast<std::uint16_t>(port));
        }
    }

    void put_last(std::uint16_t port) {
        turn_of[port] = ++last_turn;
        free.emplace(last_turn, port);
    }

    void take_out(std::uint16_t port) {
        free.erase(turn_of.at(port));
        turn_of.erase(port);
    }

    [[nodiscard]] bool is_free(std::uint16_t port) const { return turn_of.contains(port); }

    /// Whether `port` is kept for `name`.
    [[nodiscard]] bool has(const std::string& name, std::uint16_t port) const {
        const auto found = kept.find(port);
        return found != kept.end() && found->second.name == name;
    }

    Record& add(const std::string& name, std::uint16_t port, UniqueFd socket,
                std::shared_ptr<void> place) {
        if (is_free(port)) {
            take_out(port);
        }
        port_of[name] = port;
        Record& record = kept[port];
        record.name = name;
        record.socket = std::move(socket);
        record.place = std::move(place);
        changed = true;
        return record;
    }

    [[nodiscard]] std::uint16_t bind_one(const std::string& name, std::uint16_t last_port);
    void take_resting(const std::string& name, std::uint16_t port, Duration rest);
    void free_rested(TimePoint now);
    [[nodiscard]] routing::StoredPorts to_store(Rests rests) const;

    const Options options;
    VisitorPlaces& places;
    const Logger logger;
    std::mutex mutex;                             ///< Guards all that follows.
    std::map<std::uint64_t, std::uint16_t> free;  ///< Free longest first.
    std::unordered_map<std::uint16_t, std::uint64_t> turn_of;
    std::uint64_t last_turn = 0;
    std::map<std::uint16_t, Record> kept;
    std::map<std::string, std::uint16_t, std::less<>> port_of;  ///< Of those, the newest.
    bool is_new = false;   ///< Whether bind_one() has bound the port that it gave.
    bool changed = false;  ///< Which ports are kept for whom, since it was stored.
};

class HelperPorts::Bound final : public HelperPort {
  public:
    /// The caller holds the lock.
    Bound(std::shared_ptr<State> state, std::uint16_t port)
        : state_(std::move(state)), port_(port) {
        Record& record = record_of();
        ++record.holds;
        record.rests_until.reset();
    }

    ~Bound() override {
        const std::lock_guard lock(state_->mutex);
        Record& record = record_of();
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
        Record& record = record_of();
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
        Record& record = record_of();
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
    [[nodiscard]] Record& record_of() const { return state_->kept.at(port_); }

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

std::uint16_t HelperPorts::State::bind_one(const std::string& name, std::uint16_t last_port) {
    const auto known = port_of.find(name);
    const auto own = {last_port, known == port_of.end() ? last_port : known->second};
    for (const auto port : own) {
        if (has(name, port) && kept.at(port).socket) {
            return port;
        }
    }
    auto place = places.take_for_port();
    UniqueFd socket = place ? make_socket() : UniqueFd();
    if (!socket) {
        logger.error("{}: no descriptor is left for a helper port", dig_code(Errc::LimitReached));
        return 0;
    }
    const auto bind_it = [&](std::uint16_t port) {
        if (!bind_refusing(socket.get(), port)) {
            socket = make_socket();  // one that was bound cannot be bound anew
            return false;
        }
        add(name, port, std::move(socket), std::move(place));
        is_new = true;
        return true;
    };
    for (const auto port : own) {
        if ((is_free(port) || has(name, port)) && bind_it(port)) {
            return port;
        }
    }
    for (auto tries = free.size(); tries > 0; --tries) {
        const auto port = free.begin()->second;
        if (bind_it(port)) {
            return port;
        }
        take_out(port);
        put_last(port);  // in use elsewhere: not tried again soon
    }
    logger.error("{}: all helper ports from {} to {} are in use or at rest",
                 dig_code(Errc::LimitReached), options.low, options.high);
    return 0;
}

void HelperPorts::take_leftover(const std::string& name, std::uint16_t port) {
    const std::lock_guard lock(state_->mutex);
    state_->take_resting(name, port, state_->options.rest);
}

void HelperPorts::State::take_resting(const std::string& name, std::uint16_t port, Duration rest) {
    if (!is_free(port)) {
        return;
    }
    auto place = places.take_for_port();
    auto socket = place ? make_socket() : UniqueFd();
    if (!socket || !bind_refusing(socket.get(), port)) {
        logger.warn("port {}, to which visitors of name '{}' may still be led, cannot be bound",
                    port, escape(name));
        socket.reset();
        place.reset();
    }
    add(name, port, std::move(socket), std::move(place)).rests_until = Clock::now() + rest;
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
    if (changed && is_stored() && (!last_stored_ || now - *last_stored_ >= kPortsStored)) {
        store(Rests::Anew);
        last_stored_ = now;
    }
}

void HelperPorts::State::free_rested(TimePoint now) {
    for (auto entry = kept.begin(); entry != kept.end();) {
        const auto here = entry++;
        const auto& [port, record] = *here;
        if (!record.rests_until || now < *record.rests_until) {
            continue;
        }
        if (const auto known = port_of.find(record.name);
            known != port_of.end() && known->second == port) {
            port_of.erase(known);
        }
        put_last(port);
        kept.erase(here);
        changed = true;
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

routing::StoredPorts HelperPorts::State::to_store(Rests rests) const {
    routing::StoredPorts ports;
    if (options.rest <= Duration{}) {
        return ports;
    }
    const auto now = Clock::now();
    const auto wall_now = std::chrono::system_clock::now();
    for (const auto& [number, record] : kept) {
        auto& port = ports[number];
        port.name = record.name;
        if (rests == Rests::Exact && record.rests_until) {
            port.rests_until = wall_now + (*record.rests_until - now);
        }
    }
    return ports;
}

std::size_t HelperPorts::bound_count() const {
    const std::lock_guard lock(state_->mutex);
    return static_cast<std::size_t>(std::ranges::count_if(
        state_->kept, [](const auto& entry) { return bool(entry.second.socket); }));
}

}  // namespace diglett::gateway
