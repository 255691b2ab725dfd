#include "crypto/strobe128.hpp"

#include "crypto/constant_time.hpp"

namespace diglett::crypto {

namespace {

// Flags of an operation (STROBE v1.0.2, section 6.2).
constexpr std::uint8_t kInbound = 1;
constexpr std::uint8_t kApplication = 2;
constexpr std::uint8_t kCipher = 4;
constexpr std::uint8_t kMeta = 16;
constexpr std::uint8_t kKeyTree = 32;

constexpr std::uint8_t kAd = kApplication;
constexpr std::uint8_t kMetaAd = kMeta | kApplication;
constexpr std::uint8_t kPrf = kInbound | kApplication | kCipher;
constexpr std::uint8_t kKey = kApplication | kCipher;

// What the first call of F begins with (section 5.1): the rate with its two bytes of padding is 168
// = 0xa8, 96 = 0x60 bits of version text follow.
constexpr std::string_view kDomain("\x01\xa8\x01\x00\x01\x60STROBEv1.0.2", 18);

}  // namespace

Strobe128::Strobe128(std::string_view protocol) {
    for (std::size_t i = 0; i < kDomain.size(); ++i) {
        mix(i, static_cast<std::byte>(kDomain[i]));
    }
    keccak_f1600(lanes_);
    meta_ad(as_bytes(protocol));
}

Strobe128::~Strobe128() {
    wipe(std::as_writable_bytes(std::span(lanes_)));
}

void Strobe128::meta_ad(ByteView data, More more) {
    begin_operation(kMetaAd, more);
    absorb(data);
}

void Strobe128::ad(ByteView data, More more) {
    begin_operation(kAd, more);
    absorb(data);
}

void Strobe128::key(ByteView key) {
    begin_operation(kKey, More::No);
    for (const std::byte byte : key) {
        mix(position_, at(position_) ^ byte);
        step();
    }
}

void Strobe128::prf(MutableBytes out) {
    begin_operation(kPrf, More::No);
    for (std::byte& byte : out) {
        byte = at(position_);
        mix(position_, byte);  // to zero: what was given out cannot be computed back
        step();
    }
}

std::array<std::byte, 200> Strobe128::state() const {
    std::array<std::byte, 200> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = at(i);
    }
    return bytes;
}

void Strobe128::begin_operation(std::uint8_t flags, More more) {
    if (more == More::Yes) {
        return;
    }
    const std::array header{static_cast<std::byte>(begin_), std::byte{flags}};
    begin_ = position_ + 1;
    absorb(header);
    const bool needs_fresh_block = (flags & (kCipher | kKeyTree)) != 0;
    if (needs_fresh_block && position_ != 0) {
        run_f();
    }
}

void Strobe128::absorb(ByteView data) {
    for (const std::byte byte : data) {
        mix(position_, byte);
        step();
    }
}

void Strobe128::step() {
    if (++position_ == kRateBytes) {
        run_f();
    }
}

void Strobe128::run_f() {
    mix(position_, static_cast<std::byte>(begin_));
    mix(position_ + 1, std::byte{0x04});
    mix(kRateBytes + 1, std::byte{0x80});
    keccak_f1600(lanes_);
    position_ = 0;
    begin_ = 0;
}

std::byte Strobe128::at(std::size_t index) const {
    return static_cast<std::byte>(lanes_[index / 8] >> (8 * (index % 8)) & 0xffU);
}

void Strobe128::mix(std::size_t index, std::byte value) {
    lanes_[index / 8] ^= std::to_integer<std::uint64_t>(value) << (8 * (index % 8));
}

}  // namespace diglett::crypto
