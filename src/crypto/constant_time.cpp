#include "crypto/constant_time.hpp"

#include <sodium.h>

namespace diglett::crypto {

bool equal_in_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return equal_in_constant_time(as_bytes(a), as_bytes(b));
}

void wipe(MutableBytes bytes) {
    sodium_memzero(bytes.data(), bytes.size());
}

}  // namespace diglett::crypto
