#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace diglett::crypto {

/// The English word list of BIP-39 as published: 2048 words in order, a line feed after each.
[[nodiscard]] std::string_view bip39_english();

/// The entropy behind a phrase of 12, 15, 18, 21 or 24 words of that list with exactly one space
/// between them: 16 to 32 bytes, which the caller wipes.
/// @return InvalidConfig when there are more or fewer words, one is not in the list, or the
/// checksum is wrong. The text gives places, never words.
/// @see https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki
[[nodiscard]] Result<ByteVector> bip39_entropy(std::string_view phrase);

}  // namespace diglett::crypto
