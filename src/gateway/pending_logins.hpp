#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "gateway/limits.hpp"

namespace diglett::gateway {

/// Counts the connections whose Login is complete but not accepted: those that an authenticator is
/// being asked about, and those that it refused, until they are closed. Control executor only.
class PendingLogins {
  public:
    struct Options {
        std::size_t max_total = kMaxPendingLogins;
        std::size_t max_per_source = kMaxPendingLoginsPerSource;
    };

    explicit PendingLogins(Options options) : options_(options) {}

    /// @param source as source_of() says it. @return false when a bound is reached; true again for
    /// one that is in.
    [[nodiscard]] bool enter(std::uint64_t session, const std::string& source) {
        if (sources_.contains(session)) {
            return true;
        }
        auto& of_source = by_source_[source];
        if (sources_.size() >= options_.max_total || of_source >= options_.max_per_source) {
            drop_if_none(source);
            return false;
        }
        ++of_source;
        sources_.emplace(session, source);
        return true;
    }

    /// Nothing for a session that is not pending.
    void leave(std::uint64_t session) {
        const auto known = sources_.find(session);
        if (known == sources_.end()) {
            return;
        }
        --by_source_.at(known->second);
        drop_if_none(known->second);
        sources_.erase(known);
    }

    [[nodiscard]] std::size_t size() const { return sources_.size(); }

  private:
    void drop_if_none(const std::string& source) {
        if (const auto count = by_source_.find(source); count->second == 0) {
            by_source_.erase(count);
        }
    }

    Options options_;
    std::unordered_map<std::uint64_t, std::string> sources_;  ///< By session.
    std::map<std::string, std::size_t> by_source_;            ///< Never zero.
};

}  // namespace diglett::gateway
