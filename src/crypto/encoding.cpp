#include "crypto/encoding.hpp"

#include <sodium.h>

#include <algorithm>

#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

std::string encode(ByteView bytes, int variant) {
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), raw(bytes), bytes.size(), variant);
    text.pop_back();  // the ending zero
    return text;
}

std::optional<ByteVector> decode(std::string_view text, int variant) {
    if (text.empty()) {
        return ByteVector{};
    }
    // libsodium 1.0.18 takes every byte from 0x80 on for one of the last characters of the
    // alphabet: its comparison works on a signed char.
    if (std::ranges::any_of(text, [](unsigned char c) { return c > 0x7f; })) {
        return std::nullopt;
    }
    ByteVector bytes(text.size() / 4 * 3 + 3);
    std::size_t length = 0;
    const char* end = nullptr;
    if (sodium_base642bin(raw(MutableBytes(bytes)), bytes.size(), text.data(), text.size(), nullptr,
                          &length, &end, variant) != 0 ||
        end != text.data() + text.size()) {
        return std::nullopt;
    }
    bytes.resize(length);
    return bytes;
}

}  // namespace

std::string to_hex(ByteView bytes) {
    std::string text(bytes.size() * 2 + 1, '\0');  // libsodium ends it with a zero
    sodium_bin2hex(text.data(), text.size(), raw(bytes), bytes.size());
    text.pop_back();
    return text;
}

std::optional<ByteVector> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) {
        return std::nullopt;
    }
    if (text.empty()) {
        return ByteVector{};  // no null pointer goes to libsodium
    }
    ByteVector bytes(text.size() / 2);
    std::size_t length = 0;
    const char* end = nullptr;
    if (sodium_hex2bin(raw(MutableBytes(bytes)), bytes.size(), text.data(), text.size(), nullptr,
                       &length, &end) != 0 ||
        length != bytes.size() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return bytes;
}

std::string to_base64(ByteView bytes) {
    return encode(bytes, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<ByteVector> from_base64(std::string_view text) {
    return decode(text, sodium_base64_VARIANT_ORIGINAL);
}

std::string to_base64url(ByteView bytes) {
    return encode(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<ByteVector> from_base64url(std::string_view text) {
    return decode(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

}  // namespace diglett::crypto
