#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "crypto/v1_handshake.hpp"

struct evp_cipher_ctx_st;

namespace diglett::crypto {

/// One direction of protocol 1: a continuous raw ChaCha20 key stream over everything after the
/// handshake. The block counter is 64 bits wide: at 2^32 it carries into bytes 4-7 of the IV,
/// unlike RFC 8439. Sealing and opening are the same operation; nothing is authenticated.
class V1Cipher {
  public:
    explicit V1Cipher(const V1Secret& secret);

    /// XORs `from` with the next bytes of the key stream into `to`, which may be the same memory.
    /// @pre `to.size() >= from.size()`.
    void apply(ByteView from, MutableBytes to);

  private:
    struct Free {
        void operator()(evp_cipher_ctx_st* context) const;
    };

    std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

}  // namespace diglett::crypto
