#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>

#include "net/address.hpp"

namespace diglett::gateway {

/// Whom a connection from `address` counts for: its host, or its network of 64 bits in IPv6, where
/// one machine has as many addresses as it likes.
[[nodiscard]] std::string source_of(net::Address address);

/// Counts the connections that have not logged in and makes room for new ones: when all places are
/// taken, the oldest connection of the source that has the most goes; of several such sources, of
/// the one that has waited longest. So an attacker's connections push out each other and not an
/// agent's. Control executor only.
class Admission {
  public:
    using Ticket = std::uint64_t;

    struct Options {
        std::size_t max_total;
        std::size_t max_per_source;
    };

    explicit Admission(Options options) : options_(options) {}

    /// Admits a connection of `source` (source_of) after evicting another if a bound is reached.
    /// @param evict called at most once, from a later enter(), to end this connection.
    Ticket enter(const std::string& source, std::function<void()> evict);

    /// The connection logged in or ended. A ticket that was evicted meanwhile is ignored.
    void leave(Ticket ticket);

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        std::string source;
        std::function<void()> evict;
        std::list<Ticket>::iterator position;
    };

    void evict_oldest_of(const std::string& source);
    [[nodiscard]] const std::string& fullest_source() const;

    Options options_;
    Ticket last_ticket_ = 0;
    std::unordered_map<Ticket, Entry> entries_;
    std::unordered_map<std::string, std::list<Ticket>> by_source_;  ///< Oldest first.
};

}  // namespace diglett::gateway
