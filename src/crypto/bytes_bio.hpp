#pragma once

#include "base/bytes.hpp"

struct bio_st;

namespace diglett::crypto {

/// Where a channel's OpenSSL reads and writes: memory of the caller, with no buffer between. Must
/// not move while a BIO made for it lives.
struct BytesIo {
    ByteView input;                ///< What is still to be read; shrinks from the front.
    ByteVector* output = nullptr;  ///< Where to append; set during each call into OpenSSL.
    bool input_refused = false;    ///< Reading fails for good: what came already broke a rule.
};

/// A BIO over `io`: an empty input reads as "try again", a write always takes all. @return owned by
/// the caller. @throws std::bad_alloc
[[nodiscard]] bio_st* new_bytes_bio(BytesIo& io);

}  // namespace diglett::crypto
