#include "crypto/v1_cipher.hpp"

#include <algorithm>

#include "crypto/openssl.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

void V1Cipher::Free::operator()(evp_cipher_ctx_st* context) const {
    EVP_CIPHER_CTX_free(context);
}

V1Cipher::V1Cipher(const V1Secret& secret) : context_(checked(EVP_CIPHER_CTX_new())) {
    // OpenSSL's plain chacha20 takes exactly this IV, counter first, and carries as described.
    checked(EVP_EncryptInit_ex(context_.get(), EVP_chacha20(), nullptr, raw(ByteView(secret.key)),
                               raw(ByteView(secret.iv))));
}

void V1Cipher::apply(ByteView from, MutableBytes to) {
    constexpr std::size_t kMostAtOnce = 1U << 30U;  // its lengths are of type int
    while (!from.empty()) {
        const std::size_t now = std::min(from.size(), kMostAtOnce);
        int written = 0;
        checked(
            EVP_EncryptUpdate(context_.get(), raw(to), &written, raw(from), static_cast<int>(now)));
        from = from.subspan(now);
        to = to.subspan(now);
    }
}

}  // namespace diglett::crypto
