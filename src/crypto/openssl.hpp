#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/result.hpp"
#include "crypto/pin.hpp"

/// Ownership and error text around OpenSSL; for the sources of this folder, not for its headers.
namespace diglett::crypto {

template <auto Free>
struct OpensslFree {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;

/// Empties this thread's queue of OpenSSL errors. @return the reason of the oldest, or "unknown
/// reason".
[[nodiscard]] std::string take_openssl_error();

/// `code` with "WHAT: reason", the reason being taken from OpenSSL's queue.
[[nodiscard]] std::unexpected<Error> fail_openssl(Errc code, std::string_view what);

/// For calls that only fail without memory. @throws std::bad_alloc when `pointer` is null.
template <class T>
[[nodiscard]] T* checked(T* pointer) {
    if (pointer == nullptr) {
        throw std::bad_alloc();
    }
    return pointer;
}

/// Same for calls that return 1 for success.
void checked(long one);

/// A BIO that reads `text`, which must outlive it.
[[nodiscard]] BioPtr reading_bio(std::string_view text);

/// What was written to the memory BIO `bio`.
[[nodiscard]] std::string written_text(BIO& bio);

/// Pin of the key in a certificate, and of a key on its own.
[[nodiscard]] Pin pin_of(const X509& certificate);
[[nodiscard]] Pin pin_of(const EVP_PKEY& key);

/// The next certificate of a PEM text; null at its end. Leaves OpenSSL's queue empty.
[[nodiscard]] X509Ptr read_certificate(BIO& pem);

}  // namespace diglett::crypto
