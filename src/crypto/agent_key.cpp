#include "crypto/agent_key.hpp"

#include <sodium.h>

#include <algorithm>

#include "crypto/constant_time.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "crypto/raw_bytes.hpp"
#include "crypto/sha256.hpp"

namespace diglett::crypto {

namespace {

constexpr std::string_view kPrefix = "ed25519:";

using LoginMessage = std::array<std::byte, kLoginContext.size() + 32>;

LoginMessage login_message(std::span<const std::byte, 32> exporter) {
    LoginMessage message{};
    const auto rest = std::ranges::copy(as_bytes(kLoginContext), message.begin()).out;
    std::ranges::copy(exporter, rest);
    return message;
}

}  // namespace

AgentKey::AgentKey(std::span<const std::byte, 32> seed) : secret_{} {
    AgentPublicKey public_half{};
    crypto_sign_seed_keypair(raw(MutableBytes(public_half)), raw(MutableBytes(secret_)),
                             raw(ByteView(seed)));
}

AgentKey AgentKey::generate() {
    auto seed = random_bytes<32>();
    AgentKey key{std::span<const std::byte, 32>(seed)};
    wipe(seed);
    return key;
}

Result<AgentKey> AgentKey::parse(std::string_view text) {
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    auto seed = text.starts_with(kPrefix) ? from_hex(text.substr(kPrefix.size())) : std::nullopt;
    if (!seed || seed->size() != 32) {
        return fail(Errc::InvalidConfig, "an agent key is ed25519: and 64 hexadecimal digits");
    }
    AgentKey key{std::span<const std::byte, 32>(seed->data(), 32)};
    wipe(*seed);
    return key;
}

AgentKey::~AgentKey() {
    wipe(secret_);
}

std::string AgentKey::to_text() const {
    return std::string(kPrefix) + to_hex(ByteView(secret_).first(32));
}

AgentPublicKey AgentKey::public_key() const {
    AgentPublicKey key{};
    std::ranges::copy(ByteView(secret_).subspan(32), key.begin());
    return key;
}

LoginSignature AgentKey::sign_login(std::span<const std::byte, 32> exporter) const {
    const LoginMessage message = login_message(exporter);
    LoginSignature signature{};
    crypto_sign_detached(raw(MutableBytes(signature)), nullptr, raw(ByteView(message)),
                         message.size(), raw(ByteView(secret_)));
    return signature;
}

bool verify_login(const AgentPublicKey& key, std::span<const std::byte, 32> exporter,
                  const LoginSignature& signature) {
    const LoginMessage message = login_message(exporter);
    return crypto_sign_verify_detached(raw(ByteView(signature)), raw(ByteView(message)),
                                       message.size(), raw(ByteView(key))) == 0;
}

std::string fingerprint(const AgentPublicKey& key) {
    return to_hex(ByteView(sha256(key)).first(16));
}

}  // namespace diglett::crypto
