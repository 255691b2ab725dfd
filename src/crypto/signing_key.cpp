#include "crypto/signing_key.hpp"

#include <sodium.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>

#include "crypto/constant_time.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

namespace {

// SCALE: the length 11 in compact form, 4 * 11, and the text.
constexpr std::string_view kEd25519Domain =
    "\x2c"
    "Ed25519HDKD";

std::array<std::byte, 32> blake2b_256(ByteView bytes) {
    std::array<std::byte, 32> digest{};
    crypto_generichash(raw(MutableBytes(digest)), digest.size(), raw(bytes), bytes.size(), nullptr,
                       0);
    return digest;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

/// SCALE of a text: its length in compact form, of one to four bytes here, and its bytes.
ByteVector scale_text(std::string_view text) {
    ByteVector out;
    const std::size_t mode = text.size() < 64 ? 0 : text.size() < (1U << 14U) ? 1 : 2;
    for (std::size_t rest = text.size() << 2U | mode, i = 0; i < 1U << mode; ++i, rest >>= 8U) {
        out.push_back(static_cast<std::byte>(rest & 0xffU));
    }
    out.insert(out.end(), as_bytes(text).begin(), as_bytes(text).end());
    return out;
}

MiniSecret derive_ed25519(const MiniSecret& secret, ByteView code) {
    std::array<std::byte, kEd25519Domain.size() + 64> input{};
    auto at = std::ranges::copy(as_bytes(kEd25519Domain), input.begin()).out;
    at = std::ranges::copy(secret.expose_secret(), at).out;
    std::ranges::copy(code, at);
    auto child = blake2b_256(input);
    MiniSecret derived(child);
    wipe(input);
    wipe(child);
    return derived;
}

/// The name of the first of `path`'s junctions, which is taken from it.
Result<std::string_view> take_junction(std::string_view& path) {
    if (!path.starts_with("//") || path.starts_with("///")) {
        return fail(Errc::InvalidConfig,
                    "behind the secret only hard junctions, //NAME, are understood");
    }
    path.remove_prefix(2);
    const auto name = path.substr(0, path.find('/'));
    if (name.empty()) {
        return fail(Errc::InvalidConfig, "a junction behind the secret has no name");
    }
    path.remove_prefix(name.size());
    return name;
}

}  // namespace

std::string_view to_string(KeyType type) {
    return type == KeyType::Sr25519 ? "sr25519" : "ed25519";
}

bool verify(KeyType type, const PublicKey& key, ByteView message, const Signature& signature) {
    return type == KeyType::Sr25519 ? verify_sr25519(key, message, signature)
                                    : verify_ed25519(key, message, signature);
}

std::array<std::byte, 32> chain_code(std::string_view name) {
    std::array<std::byte, 32> code{};
    if (auto number = number_in(name)) {
        for (std::size_t i = 0; i < 8; ++i, *number >>= 8U) {
            code[i] = static_cast<std::byte>(*number & 0xffU);
        }
        return code;
    }
    const auto encoded = scale_text(name);
    if (encoded.size() > code.size()) {
        return blake2b_256(encoded);
    }
    std::ranges::copy(encoded, code.begin());
    return code;
}

SigningKey::SigningKey(KeyType type, const MiniSecret& secret)
    : key_(type == KeyType::Sr25519 ? decltype(key_)(Sr25519Key(secret.expose_secret()))
                                    : decltype(key_)(Ed25519Key(secret.expose_secret()))) {}

Result<SigningKey> SigningKey::parse(KeyType type, std::string_view text) {
    const auto path_at = std::min(text.find('/'), text.size());
    auto secret = MiniSecret::parse(text.substr(0, path_at));
    if (!secret) {
        return forward_error(secret);
    }
    for (auto path = text.substr(path_at); !path.empty();) {
        const auto name = take_junction(path);
        if (!name) {
            return forward_error(name);
        }
        *secret = derive_hard(type, *secret, chain_code(*name));
    }
    return SigningKey(type, *secret);
}

KeyType SigningKey::type() const {
    return std::holds_alternative<Sr25519Key>(key_) ? KeyType::Sr25519 : KeyType::Ed25519;
}

PublicKey SigningKey::public_key() const {
    return std::visit([](const auto& key) { return key.public_key(); }, key_);
}

Signature SigningKey::sign(ByteView message) const {
    return std::visit([message](const auto& key) { return key.sign(message); }, key_);
}

MiniSecret derive_hard(KeyType type, const MiniSecret& secret,
                       const std::array<std::byte, 32>& chain_code) {
    if (type == KeyType::Ed25519) {
        return derive_ed25519(secret, chain_code);
    }
    auto child = Sr25519Key(secret.expose_secret()).derive_hard(chain_code);
    MiniSecret derived(child);
    wipe(child);
    return derived;
}

}  // namespace diglett::crypto
