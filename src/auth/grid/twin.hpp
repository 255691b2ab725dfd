#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace diglett::auth::grid {

/// The account of a twin, which is its public key. The chain does not say of which kind.
using Account = std::array<std::byte, 32>;

/// What the chain knows of a twin, in the layout since runtime spec 124. Only id and account decide
/// anything; the rest is read because a value that does not decode to its last byte says nothing.
struct Twin {
    struct Entity {
        std::uint32_t id = 0;
        ByteVector signature;
        friend bool operator==(const Entity&, const Entity&) = default;
    };

    std::uint32_t id = 0;
    Account account{};
    std::optional<std::string> relay;
    std::vector<Entity> entities;
    std::optional<ByteVector> encryption_key;  ///< For messages; never a key that signs.
    friend bool operator==(const Twin&, const Twin&) = default;
};

/// Decodes a value of TfgridModule.Twins. Nothing when it is not exactly one: other layouts, bytes
/// that are missing or left. Compare the id with the one asked for.
[[nodiscard]] std::optional<Twin> decode_twin(ByteView value);

}  // namespace diglett::auth::grid
