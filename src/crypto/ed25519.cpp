#include "crypto/ed25519.hpp"

#include <sodium.h>

#include <algorithm>

#include "crypto/constant_time.hpp"
#include "crypto/raw_bytes.hpp"

namespace diglett::crypto {

bool verify_ed25519(const Ed25519PublicKey& key, ByteView message, ByteView signature) {
    return signature.size() == crypto_sign_ed25519_BYTES &&
           crypto_sign_ed25519_verify_detached(raw(signature), raw(message), message.size(),
                                               raw(ByteView(key))) == 0;
}

Ed25519Key::Ed25519Key(std::span<const std::byte, 32> seed) : secret_{} {
    Ed25519PublicKey public_half{};
    crypto_sign_ed25519_seed_keypair(raw(MutableBytes(public_half)), raw(MutableBytes(secret_)),
                                     raw(ByteView(seed)));
}

Ed25519Key::~Ed25519Key() {
    wipe(secret_);
}

Ed25519PublicKey Ed25519Key::public_key() const {
    Ed25519PublicKey key{};
    std::ranges::copy(ByteView(secret_).subspan(32), key.begin());
    return key;
}

Ed25519Signature Ed25519Key::sign(ByteView message) const {
    Ed25519Signature signature{};
    crypto_sign_ed25519_detached(raw(MutableBytes(signature)), nullptr, raw(message),
                                 message.size(), raw(ByteView(secret_)));
    return signature;
}

}  // namespace diglett::crypto
