#include "crypto/openssl.hpp"

#include <limits>
#include <new>

#include <openssl/err.h>
#include <openssl/pem.h>

namespace diglett::crypto {

namespace {

/// `der` was allocated by OpenSSL's i2d functions and is freed here.
Pin pin_of_der(unsigned char* der, int length) {
    const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owner(
        der);
    if (length <= 0) {
        throw std::bad_alloc();
    }
    return Pin{sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(length))))};
}

}  // namespace

std::string take_openssl_error() {
    const unsigned long oldest = ERR_peek_error();
    ERR_clear_error();
    const char* reason = oldest != 0 ? ERR_reason_error_string(oldest) : nullptr;
    return reason != nullptr ? reason : "unknown reason";
}

std::unexpected<Error> fail_openssl(Errc code, std::string_view what) {
    return fail(code, std::string(what) + ": " + take_openssl_error());
}

void checked(long one) {
    if (one != 1) {
        throw std::bad_alloc();
    }
}

BioPtr reading_bio(std::string_view text) {
    // The length is an int there; a file of more than 2 GiB is cut and then not understood.
    constexpr std::size_t kMost = std::numeric_limits<int>::max();
    return BioPtr(
        checked(BIO_new_mem_buf(text.data(), static_cast<int>(std::min(text.size(), kMost)))));
}

std::string written_text(BIO& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(&bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

Pin pin_of(const X509& certificate) {
    unsigned char* der = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
    return pin_of_der(der, length);
}

Pin pin_of(const EVP_PKEY& key) {
    unsigned char* der = nullptr;
    const int length = i2d_PUBKEY(&key, &der);
    return pin_of_der(der, length);
}

X509Ptr read_certificate(BIO& pem) {
    X509Ptr certificate(PEM_read_bio_X509(&pem, nullptr, nullptr, nullptr));
    ERR_clear_error();
    return certificate;
}

}  // namespace diglett::crypto
