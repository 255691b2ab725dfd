#include "gateway/helper_ports_state.hpp"

#include "base/escape.hpp"
#include "gateway/helper_port_socket.hpp"

namespace diglett::gateway {

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

}  // namespace diglett::gateway
