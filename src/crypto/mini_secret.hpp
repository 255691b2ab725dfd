#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace diglett::crypto {

/// 32 bytes from which a key is made; wiped when they go.
class MiniSecret {
  public:
    explicit MiniSecret(std::span<const std::byte, 32> bytes);
    MiniSecret(const MiniSecret&) = default;
    MiniSecret& operator=(const MiniSecret&) = default;
    ~MiniSecret();

    /// Reads `0x` and 64 hexadecimal digits, or a BIP-39 phrase without a password.
    /// @return InvalidConfig, with words that say nothing about the secret.
    [[nodiscard]] static Result<MiniSecret> parse(std::string_view text);

    /// The bytes themselves; the name is long so that each use stands out in review.
    [[nodiscard]] std::span<const std::byte, 32> expose_secret() const { return bytes_; }

  private:
    std::array<std::byte, 32> bytes_;
};

}  // namespace diglett::crypto
