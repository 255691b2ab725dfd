#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace diglett {

/// A number that cannot be mixed up with another kind of number.
template <class Tag, class Number>
struct Id {
    Number value = 0;
    friend auto operator<=>(const Id&, const Id&) = default;
};

using StreamId = Id<struct StreamTag, std::uint32_t>;  ///< Unique within a link, never reused.
using RegistrationId =
    Id<struct RegistrationTag, std::uint32_t>;  ///< Chosen by the agent, unique within a session.
using LinkId = Id<struct LinkTag, std::uint32_t>;  ///< Unique within a session; the first is 0.
/// Number of a claim of a name, its owner's own next one included: grows with each, over restarts
/// too, so that what an older claim left behind is told from what a newer one has.
using Generation = Id<struct GenerationTag, std::uint64_t>;

/// 16 random bytes that name a session; not a secret, but hard to guess.
using SessionId = std::array<std::byte, 16>;

}  // namespace diglett

template <class Tag, class Number>
struct std::hash<diglett::Id<Tag, Number>> {
    std::size_t operator()(const diglett::Id<Tag, Number>& id) const noexcept {
        return std::hash<Number>{}(id.value);
    }
};
