#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/keccak.hpp"

namespace diglett::crypto {

/// STROBE v1.0.2 at 128 bits of security, as far as Merlin needs it: no transport operations. Wipes
/// its state when it goes; a copy goes on from the same point.
/// @see https://strobe.sourceforge.io/specs/ sections 5 to 7
class Strobe128 {
  public:
    /// Bytes of the state that input and output pass through: 200 - 2 * 128 / 8 - 2.
    static constexpr std::size_t kRateBytes = 166;

    /// Whether an operation goes on with the one before it, of the same kind: no header between.
    enum class More : bool { No, Yes };

    /// Starts the protocol called `protocol`.
    explicit Strobe128(std::string_view protocol);
    Strobe128(const Strobe128&) = default;
    Strobe128& operator=(const Strobe128&) = default;
    ~Strobe128();

    /// Metadata, and associated data: taken in.
    void meta_ad(ByteView data, More more = More::No);
    void ad(ByteView data, More more = More::No);

    /// Takes `key` in so that what was before cannot be computed from what follows.
    void key(ByteView key);

    /// Fills `out` with pseudorandom bytes that depend on everything so far.
    void prf(MutableBytes out);

    /// The whole state, for the comparison with recorded ones.
    [[nodiscard]] std::array<std::byte, 200> state() const;

    [[nodiscard]] std::size_t position() const { return position_; }

    [[nodiscard]] std::size_t begin() const { return begin_; }

  private:
    void begin_operation(std::uint8_t flags, More more);
    void absorb(ByteView data);
    void step();
    void run_f();
    [[nodiscard]] std::byte at(std::size_t index) const;
    void mix(std::size_t index, std::byte value);

    KeccakState lanes_{};
    std::size_t position_ = 0;
    std::size_t begin_ = 0;  ///< Where the operation under way began, counted from 1; 0: before.
};

}  // namespace diglett::crypto
