#include "crypto/encoding.hpp"

#include <sodium.h>

#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

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
    constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
    std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
    sodium_bin2base64(text.data(), text.size(), raw(bytes), bytes.size(), kVariant);
    text.pop_back();  // the ending zero
    return text;
}

std::optional<ByteVector> from_base64(std::string_view text) {
    if (text.empty()) {
        return ByteVector{};
    }
    ByteVector bytes(text.size() / 4 * 3 + 3);
    std::size_t length = 0;
    const char* end = nullptr;
    if (sodium_base642bin(raw(MutableBytes(bytes)), bytes.size(), text.data(), text.size(), nullptr,
                          &length, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.data() + text.size()) {
        return std::nullopt;
    }
    bytes.resize(length);
    return bytes;
}

}  // namespace diglett::crypto
