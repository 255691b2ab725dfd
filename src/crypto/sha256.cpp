#include "crypto/sha256.hpp"

#include <sodium.h>

#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

Sha256Digest sha256(ByteView bytes) {
    Sha256Digest digest{};
    crypto_hash_sha256(raw(MutableBytes(digest)), raw(bytes), bytes.size());
    return digest;
}

}  // namespace diglett::crypto
