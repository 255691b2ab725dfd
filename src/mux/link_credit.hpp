#pragma once

#include <cstdint>

#include "base/budget.hpp"
#include "base/clock.hpp"
#include "mux/flow_window.hpp"

namespace diglett::mux {

/// What the receiving end of a link has taken and how much more it accepts. The limit is computed
/// from state rather than counted up by grants, so that dropped bytes need no accounting and cannot
/// leak. (protocol 5.1)
class LinkCredit {
  public:
    /// `limit` was promised in the own Hello. `budget` may be null.
    LinkCredit(std::uint64_t limit, std::uint64_t max_buffered, MemoryBudget* budget,
               TimePoint now);
    ~LinkCredit();

    LinkCredit(const LinkCredit&) = delete;
    LinkCredit& operator=(const LinkCredit&) = delete;

    /// Journal position up to which the peer's frames were taken.
    [[nodiscard]] std::uint64_t received() const { return received_; }

    void on_received(std::uint64_t bytes) { received_ += bytes; }

    /// Lets the window follow what has been received; once for each piece of input.
    void update_window(std::uint64_t bytes, TimePoint now, Duration round_trip);

    [[nodiscard]] std::uint64_t window() const { return window_.size(); }

    /// Bytes in spills.
    [[nodiscard]] std::uint64_t buffered() const { return buffered_; }

    void add_buffered(std::uint64_t bytes);
    void remove_buffered(std::uint64_t bytes);

    /// What the peer was told; what it sends past it is a violation.
    [[nodiscard]] std::uint64_t promised() const { return promised_; }

    /// What it may be told now, at least promised().
    [[nodiscard]] std::uint64_t limit() const;

    /// limit(), from now on promised.
    std::uint64_t promise();

    /// Whether the promise is worth renewing at once: it could rise by a quarter of the window.
    [[nodiscard]] bool should_promise() const { return limit() - promised_ >= window() / 4; }

    /// Whether the peer may soon be short of what could be promised.
    [[nodiscard]] bool promise_runs_low() const;

    /// Whether windows may grow: memory of link and process is not short. (protocol 5.4)
    [[nodiscard]] bool may_grow() const;

    /// Whose memory is short, and so how hard the hog rule works. (protocol 5.4)
    enum class Shortage : unsigned char {
        None,
        Process,  ///< MemoryBudget::is_short().
        Link,     ///< From above 3/4 of the bound until below 1/2.
    };

    /// The shortage as it is now; it lasts from where it begins to where it ends, so this has to be
    /// called again and again while bytes are buffered: others take and give of the budget.
    [[nodiscard]] Shortage update_shortage();

    [[nodiscard]] bool is_crowded() const { return buffered_ > bound() / 4 * 3; }

    /// The same, and not because others use the process's memory.
    [[nodiscard]] bool is_crowded_by_itself() const { return buffered_ > max_buffered_ / 4 * 3; }

  private:
    /// max_buffered, or less when the process has less left.
    [[nodiscard]] std::uint64_t bound() const;

    [[nodiscard]] bool is_relieved() const { return buffered_ < bound() / 2; }

    std::uint64_t max_buffered_;
    MemoryBudget* budget_;
    FlowWindow window_;
    std::uint64_t received_ = 0;
    std::uint64_t promised_;
    std::uint64_t buffered_ = 0;
    bool is_link_short_ = false;
};

}  // namespace diglett::mux
