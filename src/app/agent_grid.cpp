#include "app/agent_grid.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "app/limits.hpp"
#include "auth/grid/token_writer.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"

namespace diglett::app {

namespace {

std::optional<std::uint32_t> twin_from(std::string_view text) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && rest == end && number != 0 ? std::optional(number)
                                                              : std::nullopt;
}

Status check_twin(const std::string& text) {
    return twin_from(text) ? Status{}
                           : fail(Errc::InvalidConfig, "takes a twin's id, 1 to 4294967295");
}

Status check_key_type(const std::string& text) {
    return text == "sr25519" || text == "ed25519"
               ? Status{}
               : fail(Errc::InvalidConfig, "takes sr25519 or ed25519");
}

/// As the gateway compares it: lower case, without the final dot.
std::string audience_of(std::string host) {
    if (host.ends_with('.')) {
        host.pop_back();
    }
    std::ranges::transform(host, host.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return host;
}

Result<crypto::SigningKey> read_key(const TwinKey& key) {
    const auto content = read_private_file(key.file, kMaxKeyBytes);
    if (!content) {
        return forward_error(content);
    }
    std::string_view text = content->expose_secret();
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    auto parsed = crypto::SigningKey::parse(key.type, text);
    return parsed ? std::move(parsed)
                  : fail(Errc::InvalidConfig,
                         fmt::format("key file '{}': {}", escape(key.file), parsed.error().text));
}

}  // namespace

void TwinKeyConfig::declare(Settings& settings) {
    settings.text("--grid-twin", twin, "Id of the twin on ThreeFold's chain that signs tokens");
    settings.text("--grid-key-file", key_file, "Its key: a phrase or a 0x seed; chmod 600");
    settings.text("--grid-key-type", key_type, "Kind of that key: sr25519 or ed25519");
    settings.require("grid-twin", check_twin);
    settings.require("grid-key-type", check_key_type);
}

Result<TwinKey> TwinKeyConfig::plan() const {
    if (twin.empty()) {
        return fail(Errc::InvalidUsage,
                    "--grid-key-file needs the twin whose key it is: --grid-twin ID");
    }
    if (key_file.empty()) {
        return fail(Errc::InvalidUsage, "--grid-twin needs its key: --grid-key-file FILE");
    }
    const auto number = twin_from(twin);
    if (!number) {
        return fail(Errc::InvalidUsage, "--grid-twin takes a twin's id, 1 to 4294967295");
    }
    return TwinKey{
        .twin = *number,
        .file = key_file,
        .type = key_type == "ed25519" ? crypto::KeyType::Ed25519 : crypto::KeyType::Sr25519};
}

void AgentGridConfig::declare(Settings& settings) {
    key.declare(settings);
    settings.text("--grid-audience", audience,
                  "Gateway that the tokens are for; left out: the host of --gateway");
}

Result<std::optional<GridMint>> AgentGridConfig::plan(const std::string& gateway_host) const {
    if (!key.is_given()) {
        return audience.empty() ? Result<std::optional<GridMint>>(std::nullopt)
                                : fail(Errc::InvalidUsage,
                                       "--grid-audience needs --grid-twin and --grid-key-file");
    }
    auto understood = key.plan();
    if (!understood) {
        return forward_error(understood);
    }
    return GridMint{.key = std::move(*understood),
                    .audience = audience.empty() ? gateway_host : audience};
}

Result<Secret> mint_token(const TwinKey& key, const std::vector<std::string>& names,
                          const std::string& audience, std::chrono::seconds lifetime) {
    const auto signer = read_key(key);
    if (!signer) {
        return forward_error(signer);
    }
    return auth::grid::write_token(
        {.twin = key.twin,
         .names = names,
         .audience = audience_of(audience),
         .issued_at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()),
         .lifetime = lifetime},
        *signer);
}

}  // namespace diglett::app
