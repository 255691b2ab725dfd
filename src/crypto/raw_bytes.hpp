#pragma once

#include "base/bytes.hpp"

namespace diglett::crypto {

/// The same memory with the byte type that C libraries expect.
[[nodiscard]] inline const unsigned char* raw(ByteView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

[[nodiscard]] inline unsigned char* raw(MutableBytes bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace diglett::crypto
