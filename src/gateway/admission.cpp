#include "gateway/admission.hpp"

#include <algorithm>
#include <utility>

namespace diglett::gateway {

std::string source_of(net::Address address) {
    if (address.family != net::Address::Family::IPv6) {
        return net::host_of(address);
    }
    std::fill(address.bytes.begin() + 8, address.bytes.end(), std::byte{});
    return net::host_of(address) + "/64";
}

Admission::Ticket Admission::enter(const std::string& source, std::function<void()> evict) {
    const auto known = by_source_.find(source);
    if (known != by_source_.end() && known->second.size() >= options_.max_per_source) {
        evict_oldest_of(source);
    } else if (entries_.size() >= options_.max_total) {
        evict_oldest_of(std::string(fullest_source()));
    }
    const Ticket ticket = ++last_ticket_;
    auto& tickets = by_source_[source];
    tickets.push_back(ticket);
    entries_.emplace(ticket, Entry{source, std::move(evict), std::prev(tickets.end())});
    return ticket;
}

void Admission::leave(Ticket ticket) {
    const auto entry = entries_.find(ticket);
    if (entry == entries_.end()) {
        return;
    }
    const auto source = by_source_.find(entry->second.source);
    source->second.erase(entry->second.position);
    if (source->second.empty()) {
        by_source_.erase(source);
    }
    entries_.erase(entry);
}

void Admission::evict_oldest_of(const std::string& source) {
    const Ticket oldest = by_source_.at(source).front();
    const auto evict = std::move(entries_.at(oldest).evict);
    leave(oldest);
    evict();
}

const std::string& Admission::fullest_source() const {
    return std::max_element(by_source_.begin(), by_source_.end(),
                            [](const auto& a, const auto& b) {
                                return a.second.size() != b.second.size()
                                           ? a.second.size() < b.second.size()
                                           : a.second.front() > b.second.front();
                            })
        ->first;
}

}  // namespace diglett::gateway
