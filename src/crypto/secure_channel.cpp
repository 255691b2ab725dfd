#include "crypto/secure_channel.hpp"

#include <algorithm>
#include <utility>

#include <openssl/err.h>

#include "base/assert.hpp"
#include "crypto/limits.hpp"
#include "crypto/openssl.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

/// Header, content type and tag of a TLS 1.3 record (RFC 8446 section 5.2).
constexpr std::size_t kRecordOverheadBytes = 5 + 1 + 16;

/// Room for `bytes` more, growing by doubling as push_back would.
void reserve_more(ByteVector& out, std::size_t bytes) {
    const std::size_t needed = out.size() + bytes;
    if (needed > out.capacity()) {
        out.reserve(std::max(needed, out.capacity() * 2));
    }
}

std::size_t records_for(std::size_t bytes) {
    return (bytes + kMaxRecordBytes - 1) / kMaxRecordBytes;
}

Errc code_of(unsigned long openssl_error) {
    if (ERR_GET_LIB(openssl_error) != ERR_LIB_SSL) {
        return Errc::TlsFailed;
    }
    switch (ERR_GET_REASON(openssl_error)) {
        case SSL_R_NO_APPLICATION_PROTOCOL:
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            return Errc::UnsupportedVersion;
        default:
            return Errc::TlsFailed;
    }
}

}  // namespace

void SecureChannel::SslFree::operator()(ssl_st* ssl) const {
    SSL_free(ssl);
}

SecureChannel::SecureChannel(SslPtr ssl, Options options)
    : ssl_(std::move(ssl)), options_(options) {
    BIO* bio = new_bytes_bio(io_);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_msg_callback_arg(ssl_.get(), this);
    SSL_set_msg_callback(ssl_.get(), [](int sent, int, int type, const void*, std::size_t, SSL*,
                                        void* self) noexcept {
        if (sent == 0 && type == SSL3_RT_HANDSHAKE) {
            static_cast<SecureChannel*>(self)->note_handshake_message();
        }
    });
}

SecureChannel::~SecureChannel() = default;

void SecureChannel::feed(ByteView ciphertext) {
    DIGLETT_ASSERT(io_.input.empty() || failure_);
    io_.input = ciphertext;
}

Result<Channel::State> SecureChannel::advance(ByteVector& out) {
    if (failure_) {
        return std::unexpected(*failure_);
    }
    if (established_) {
        return State::Established;
    }
    io_.output = &out;
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        return finish_handshake();
    }
    if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) {
        return State::Handshaking;
    }
    return remember_openssl_failure();
}

Result<Channel::State> SecureChannel::finish_handshake() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    // OpenSSL does not ask the server's callback when the client offers no protocol at all.
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    if (as_text(std::as_bytes(std::span(name, size))) != kAlpn) {
        SSL_shutdown(ssl_.get());
        return remember({Errc::UnsupportedVersion,
                         "the other side does not speak " + std::string(kAlpn) + " (TLS ALPN)"});
    }
    if (const X509* certificate = SSL_get0_peer_certificate(ssl_.get())) {
        peer_.pin = pin_of(*certificate);
        const long verdict = SSL_get_verify_result(ssl_.get());
        peer_.verified_by_ca = verdict == X509_V_OK;
        peer_.ca_error = verdict == X509_V_OK ? "" : X509_verify_cert_error_string(verdict);
    }
    established_ = true;
    return State::Established;
}

Result<std::size_t> SecureChannel::open(MutableBytes plaintext, ByteVector& out) {
    if (failure_) {
        return std::unexpected(*failure_);
    }
    if (!established_) {
        return remember({Errc::TlsFailed, "open() before the handshake is done"});
    }
    io_.output = &out;
    ERR_clear_error();
    std::size_t opened = 0;
    while (opened < plaintext.size()) {
        const MutableBytes rest = plaintext.subspan(opened);
        std::size_t count = 0;
        const int done = SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &count);
        opened += count;
        opened_bytes_ += count;
        if (done == 1) {
            continue;
        }
        const int reason = SSL_get_error(ssl_.get(), done);
        if (reason == SSL_ERROR_WANT_READ) {
            break;
        }
        if (reason == SSL_ERROR_ZERO_RETURN) {
            static_cast<void>(remember({Errc::EndOfStream, "closed by the other side"}));
        } else {
            static_cast<void>(remember_openssl_failure());
        }
        if (opened == 0) {
            return std::unexpected(*failure_);
        }
        break;  // what came before the end is handed out first; the next call tells the end
    }
    return opened;
}

Status SecureChannel::seal(std::span<const ByteView> parts, ByteVector& out) {
    if (failure_ && failure_->code != Errc::EndOfStream) {
        return std::unexpected(*failure_);
    }
    if (!established_ || closed_) {
        return fail(Errc::TlsFailed, "seal() outside of an open connection");
    }
    std::size_t total = 0;
    for (const ByteView part : parts) {
        total += part.size();
    }
    reserve_more(out, total + (parts.size() + records_for(total)) * kRecordOverheadBytes);
    io_.output = &out;
    ERR_clear_error();
    for (const ByteView part : parts) {
        if (gathered_.size() + part.size() > kMaxRecordBytes) {
            if (Status flushed = flush_gathered(); !flushed) {
                return flushed;
            }
        }
        // Full records go from where they lie; only what can share a record is copied.
        const std::size_t shared = parts.size() == 1 ? 0 : part.size() % kMaxRecordBytes;
        const std::size_t direct = part.size() - shared;
        if (Status written = write_records(part.first(direct)); !written) {
            return written;
        }
        const ByteView tail = part.subspan(direct);
        gathered_.insert(gathered_.end(), tail.begin(), tail.end());
    }
    return flush_gathered();
}

Status SecureChannel::flush_gathered() {
    Status written = write_records(gathered_);
    gathered_.clear();
    return written;
}

Status SecureChannel::write_records(ByteView bytes) {
    while (!bytes.empty()) {
        if (records_under_key_ >= options_.key_update_records) {
            if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
                return remember_openssl_failure();
            }
            records_under_key_ = 0;  // the message itself leaves with the next record
            ++key_updates_sent_;
        }
        const std::uint64_t left = options_.key_update_records - records_under_key_;
        const std::size_t records = std::min<std::uint64_t>(left, records_for(bytes.size()));
        const ByteView now = bytes.first(std::min(bytes.size(), records * kMaxRecordBytes));
        std::size_t count = 0;
        if (SSL_write_ex(ssl_.get(), now.data(), now.size(), &count) != 1 || count != now.size()) {
            return remember_openssl_failure();
        }
        records_under_key_ += records;
        bytes = bytes.subspan(count);
    }
    return {};
}

void SecureChannel::close(ByteVector& out) {
    const bool broken = failure_ && failure_->code != Errc::EndOfStream;
    if (!established_ || closed_ || broken) {
        return;
    }
    closed_ = true;
    io_.output = &out;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

Result<std::array<std::byte, 32>> SecureChannel::exporter(std::string_view label,
                                                          ByteView context) const {
    std::array<std::byte, 32> secret{};
    ERR_clear_error();
    if (!established_ || SSL_export_keying_material(ssl_.get(), raw(MutableBytes(secret)),
                                                    secret.size(), label.data(), label.size(),
                                                    raw(context), context.size(), 1) != 1) {
        return fail_openssl(Errc::TlsFailed, "no TLS exporter");
    }
    return secret;
}

std::string_view SecureChannel::cipher() const {
    return SSL_get_cipher_name(ssl_.get());
}

void SecureChannel::note_handshake_message() {
    if (established_) {
        ++late_messages_;
        io_.input_refused =
            late_messages_ > kFreeLateMessages + opened_bytes_ / kBytesPerLateMessage;
    }
}

std::unexpected<Error> SecureChannel::remember(Error error) {
    failure_ = std::move(error);
    return std::unexpected(*failure_);
}

std::unexpected<Error> SecureChannel::remember_openssl_failure() {
    if (io_.input_refused) {
        ERR_clear_error();
        return remember({Errc::TooMuchNoise, "too many TLS messages without data"});
    }
    const Errc code = code_of(ERR_peek_error());
    return remember({code, "TLS: " + take_openssl_error()});
}

}  // namespace diglett::crypto
