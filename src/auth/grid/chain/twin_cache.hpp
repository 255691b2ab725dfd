#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>

#include "auth/grid/decision.hpp"
#include "auth/grid/twin.hpp"
#include "base/clock.hpp"

namespace diglett::auth::grid {

/// How long a twin's account is believed, and how long it is believed that there is none: an agent
/// whose twin is brand new comes again.
inline constexpr Duration kTwinLife = std::chrono::seconds(60);
inline constexpr Duration kNoTwinLife = std::chrono::seconds(5);

/// How often a twin is read anew at most because a signature did not fit.
inline constexpr Duration kFreshReadEvery = std::chrono::seconds(1);

/// What the chain said of twins a moment ago. No clock: time is passed in, never backwards.
class TwinCache {
  public:
    /// The account, or why there is none to be used (NoSuchTwin, ZeroAccount).
    using Known = std::expected<Account, Reason>;

    /// @param most twins kept; beyond it the one that goes first is forgotten.
    explicit TwinCache(std::size_t most = 10'000) : most_(most) {}

    [[nodiscard]] std::optional<Known> find(std::uint32_t twin, TimePoint now);

    void put(std::uint32_t twin, const Known& known, TimePoint now);

    /// What to do about a signature that does not fit what is known.
    enum class Look {
        Take,     ///< Read the twin anew; that counts as done now, whatever comes of it.
        Believe,  ///< It was read within kFreshReadEvery: the signature is wrong.
        Wait,     ///< Somebody tries to read it, or did so in vain: nobody knows yet.
    };
    [[nodiscard]] Look look_again(std::uint32_t twin, TimePoint now);

  private:
    struct Entry {
        Known known;
        TimePoint until;
        TimePoint read_at;
        TimePoint looked_at;
    };

    void make_room(TimePoint now);

    std::size_t most_;
    std::map<std::uint32_t, Entry> twins_;
};

}  // namespace diglett::auth::grid
