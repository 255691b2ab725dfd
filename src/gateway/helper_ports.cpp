#include "gateway/helper_ports.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/assert.hpp"
#include "net/socket.hpp"

namespace diglett::gateway {

namespace {

/// Visitors waiting for accept; the kernel cuts it to net.core.somaxconn.
constexpr int kBacklog = 4096;

/// Whether others that ask for the same may bind this port too. Wanted while listening, as the
/// visitors' connections inherit it: those that linger after a restart then keep no port from being
/// bound again. Nobody else can bind a port that listens; one that only rests must not have it.
void set_shared(int fd, bool shared) {
    const int value = shared ? 1 : 0;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
}

void stop_listening(int fd) {
    (void)::shutdown(fd, SHUT_RD);
    set_shared(fd, false);
}

bool start_listening(int fd) {
    set_shared(fd, true);
    return ::listen(fd, kBacklog) == 0;
}

/// Binds `fd` to `port` of 127.0.0.1, refusing. Linux knows whether a bound port may be shared only
/// from the moment at which it listened.
bool bind_refusing(int fd, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    set_shared(fd, true);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        !start_listening(fd)) {
        return false;
    }
    stop_listening(fd);
    return true;
}

UniqueFd make_socket() {
    return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/// A port that is bound for a name.
struct Record {
    std::string name;
    UniqueFd socket;
    std::shared_ptr<void> place;
    std::size_t holds = 0;                ///< HelperPorts of it that live.
    const void* listener = nullptr;       ///< The one of those that takes visitors.
    std::optional<TimePoint> rests_from;  ///< While there are none.
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

    /// Whether `port` is bound for `name`.
    [[nodiscard]] bool has(const std::string& name, std::uint16_t port) const {
        const auto found = bound.find(port);
        return found != bound.end() && found->second.name == name;
    }

    Record& add(const std::string& name, std::uint16_t port, UniqueFd socket,
                std::shared_ptr<void> place) {
        take_out(port);
        port_of[name] = port;
        Record& record = bound[port];
        record.name = name;
        record.socket = std::move(socket);
        record.place = std::move(place);
        return record;
    }

    [[nodiscard]] std::uint16_t bind_one(const std::string& name, std::uint16_t last_port);
    void free_rested(TimePoint now);

    const Options options;
    VisitorPlaces& places;
    const Logger logger;
    std::mutex mutex;                             ///< Guards all that follows.
    std::map<std::uint64_t, std::uint16_t> free;  ///< Free longest first.
    std::unordered_map<std::uint16_t, std::uint64_t> turn_of;
    std::uint64_t last_turn = 0;
    std::map<std::uint16_t, Record> bound;
    std::map<std::string, std::uint16_t, std::less<>> port_of;  ///< Of bound ones, the newest.
};

class HelperPorts::Bound final : public HelperPort {
  public:
    /// The caller holds the lock.
    Bound(std::shared_ptr<State> state, std::uint16_t port)
        : state_(std::move(state)), port_(port) {
        Record& record = record_of();
        ++record.holds;
        record.rests_from.reset();
    }

    ~Bound() override {
        const std::lock_guard lock(state_->mutex);
        Record& record = record_of();
        if (record.listener == this) {
            record.listener = nullptr;
            stop_listening(record.socket.get());
        }
        if (--record.holds == 0) {
            record.rests_from = Clock::now();
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
    [[nodiscard]] Record& record_of() const { return state_->bound.at(port_); }

    std::shared_ptr<State> state_;
    std::uint16_t port_;
};

HelperPorts::HelperPorts(Options options, VisitorPlaces& places, Logger logger)
    : state_(std::make_shared<State>(options, places, std::move(logger))) {
    DIGLETT_ASSERT(options.low > 0 && options.low <= options.high);
}

HelperPorts::~HelperPorts() = default;

Result<std::shared_ptr<HelperPort>> HelperPorts::take(const std::string& name,
                                                      std::uint16_t last_port) {
    const std::lock_guard lock(state_->mutex);
    state_->free_rested(Clock::now());
    const std::uint16_t port = state_->bind_one(name, last_port);
    if (port == 0) {
        return fail(Errc::LimitReached, "the gateway has no port for it");
    }
    return std::make_shared<Bound>(state_, port);
}

std::uint16_t HelperPorts::State::bind_one(const std::string& name, std::uint16_t last_port) {
    if (has(name, last_port)) {
        return last_port;
    }
    if (const auto known = port_of.find(name); known != port_of.end()) {
        return known->second;
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
        return true;
    };
    if (is_free(last_port) && bind_it(last_port)) {
        return last_port;
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
    if (!state_->is_free(port)) {
        return;
    }
    auto socket = make_socket();
    if (!socket || !bind_refusing(socket.get(), port)) {
        state_->logger.warn(
            "port {}, to which visitors of name '{}' may still be led, cannot be bound", port,
            name);
        return;
    }
    Record& record = state_->add(name, port, std::move(socket), state_->places.occupy());
    record.rests_from = Clock::now();
}

void HelperPorts::mark_used(std::uint16_t port) {
    const std::lock_guard lock(state_->mutex);
    if (state_->is_free(port)) {
        state_->take_out(port);
        state_->put_last(port);
    }
}

void HelperPorts::free_rested(TimePoint now) {
    const std::lock_guard lock(state_->mutex);
    state_->free_rested(now);
}

void HelperPorts::State::free_rested(TimePoint now) {
    for (auto entry = bound.begin(); entry != bound.end();) {
        const auto here = entry++;
        const auto& [port, record] = *here;
        if (!record.rests_from || now - *record.rests_from < options.rest) {
            continue;
        }
        if (const auto known = port_of.find(record.name);
            known != port_of.end() && known->second == port) {
            port_of.erase(known);
        }
        put_last(port);
        bound.erase(here);
    }
}

std::size_t HelperPorts::bound_count() const {
    const std::lock_guard lock(state_->mutex);
    return state_->bound.size();
}

}  // namespace diglett::gateway
