#include "crypto/agent_key.hpp"

#include <algorithm>

#include "crypto/constant_time.hpp"
#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
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

std::string AgentKey::to_text() const {
    return std::string(kPrefix) + to_hex(key_.expose_seed());
}

LoginSignature AgentKey::sign_login(std::span<const std::byte, 32> exporter) const {
    return key_.sign(login_message(exporter));
}

bool verify_login(const AgentPublicKey& key, std::span<const std::byte, 32> exporter,
                  const LoginSignature& signature) {
    return verify_ed25519(key, login_message(exporter), signature);
}

std::string fingerprint(const AgentPublicKey& key) {
    return to_hex(ByteView(sha256(key)).first(16));
}

}  // namespace diglett::crypto
