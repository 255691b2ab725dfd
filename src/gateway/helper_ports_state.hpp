#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "gateway/helper_ports.hpp"
#include "gateway/visitor_places.hpp"
#include "routing/port_file.hpp"

namespace diglett::gateway {

/// Which ports are free, and which are kept for whom; shared with what HelperPorts hands out. Its
/// functions are for callers that hold the lock.
struct HelperPorts::State {
    /// A port that is kept for a name.
    struct Record {
        std::string name;
        UniqueFd socket;  ///< Bound. None while it rests and could not be bound when that began.
        std::shared_ptr<void> place;
        std::size_t holds = 0;                 ///< HelperPorts of it that live.
        const void* listener = nullptr;        ///< The one of those that takes visitors.
        std::optional<TimePoint> rests_until;  ///< While there are none.
    };

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

    /// A bound port for `name`, see HelperPorts::take(); 0: there is none, as the log says.
    [[nodiscard]] std::uint16_t bind_one(const std::string& name, std::uint16_t last_port);
    /// `port` goes to nobody but `name` for `rest`.
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

}  // namespace diglett::gateway
