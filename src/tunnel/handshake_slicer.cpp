#include "tunnel/handshake_slicer.hpp"

#include <algorithm>

namespace diglett::tunnel {

namespace {

constexpr std::byte kFirstRecordType{20};  // change_cipher_spec
constexpr std::byte kLastRecordType{23};   // application_data

}  // namespace

std::size_t HandshakeSlicer::next(ByteView available) {
    if (!is_tls_) {
        is_tls_ = available[0] >= kFirstRecordType && available[0] <= kLastRecordType;
    }
    if (!*is_tls_) {
        return 1;
    }
    std::size_t taken = 0;
    if (header_seen_ < kTlsHeaderBytes) {
        for (; taken < available.size() && header_seen_ < kTlsHeaderBytes;
             ++taken, ++header_seen_) {
            if (header_seen_ >= 3) {
                body_left_ = (body_left_ << 8U) | std::to_integer<std::size_t>(available[taken]);
            }
        }
        if (header_seen_ < kTlsHeaderBytes) {
            return taken;
        }
    }
    const auto body = std::min(body_left_, available.size() - taken);
    body_left_ -= body;
    if (body_left_ == 0) {
        header_seen_ = 0;
    }
    return taken + body;
}

}  // namespace diglett::tunnel
