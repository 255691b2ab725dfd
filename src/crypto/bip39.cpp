#include "crypto/bip39.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "crypto/constant_time.hpp"
#include "crypto/sha256.hpp"

namespace diglett::crypto {

namespace {

constexpr std::size_t kWords = 2048;
constexpr std::size_t kBitsPerWord = 11;
constexpr std::size_t kLongestPhrase = 24;

constexpr std::string_view kEnglish =
#include "crypto/bip39_english.inc"
    ;

/// Takes what is left of the first `end` from the front of `text`, and `end` with it.
std::string_view take_until(char end, std::string_view& text) {
    const auto size = std::min(text.find(end), text.size());
    const auto taken = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    return taken;
}

using WordList = std::array<std::string_view, kWords>;

const WordList& words() {
    static const WordList list = [] {
        WordList split;
        std::string_view rest = kEnglish;
        for (auto& word : split) {
            word = take_until('\n', rest);
        }
        return split;
    }();
    return list;
}

std::optional<std::uint32_t> number_of(std::string_view word) {
    const auto at = std::ranges::lower_bound(words(), word);
    if (at == words().end() || *at != word) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(at - words().begin());
}

/// Writes numbers of 11 bits one behind the other, the highest bit first. Wiped when it goes.
class BitWriter {
  public:
    BitWriter() = default;
    BitWriter(const BitWriter&) = delete;
    BitWriter& operator=(const BitWriter&) = delete;

    ~BitWriter() { wipe(bytes_); }

    void append(std::uint32_t number) {
        for (std::size_t bit = kBitsPerWord; bit-- > 0; ++bits_) {
            const auto shifted = static_cast<std::byte>((number >> bit & 1U) << (7 - bits_ % 8));
            bytes_[bits_ / 8] |= shifted;
        }
    }

    [[nodiscard]] ByteView bytes() const { return bytes_; }

  private:
    std::array<std::byte, kLongestPhrase * kBitsPerWord / 8> bytes_{};
    std::size_t bits_ = 0;
};

/// Whether the bits behind `entropy_bytes` of `bits` are the first of SHA-256 over the entropy: one
/// for each four bytes.
bool has_right_checksum(ByteView bits, std::size_t entropy_bytes) {
    const auto checksum = sha256(bits.first(entropy_bytes)).front();
    const auto unused = 8 - entropy_bytes / 4;
    return ((bits[entropy_bytes] ^ checksum) >> unused) == std::byte{0};
}

}  // namespace

std::string_view bip39_english() {
    return kEnglish;
}

Result<ByteVector> bip39_entropy(std::string_view phrase) {
    const auto count = static_cast<std::size_t>(std::ranges::count(phrase, ' ')) + 1;
    if (count < 12 || count > kLongestPhrase || count % 3 != 0) {
        return fail(Errc::InvalidConfig,
                    fmt::format("a secret phrase has 12, 15, 18, 21 or 24 words with one space "
                                "between them, not {}",
                                count));
    }
    BitWriter bits;
    for (std::size_t i = 1; i <= count; ++i) {
        const auto number = number_of(take_until(' ', phrase));
        if (!number) {
            return fail(Errc::InvalidConfig,
                        fmt::format("word {} of the secret phrase is not in the list", i));
        }
        bits.append(*number);
    }
    const std::size_t entropy_bytes = count / 3 * 4;
    if (!has_right_checksum(bits.bytes(), entropy_bytes)) {
        return fail(Errc::InvalidConfig, "the checksum of the secret phrase is wrong");
    }
    const auto entropy = bits.bytes().first(entropy_bytes);
    return ByteVector(entropy.begin(), entropy.end());
}

}  // namespace diglett::crypto
