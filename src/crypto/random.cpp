#include "crypto/random.hpp"

#include <sodium.h>

#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

void fill_random(MutableBytes bytes) {
    // Initialised once: without it libsodium sets itself up on first use, which is not thread-safe.
    static const int ready = sodium_init();
    static_cast<void>(ready);
    if (bytes.empty()) {
        return;
    }
    randombytes_buf(bytes.data(), bytes.size());
}

}  // namespace diglett::crypto
