#include "auth/token_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "auth/limits.hpp"
#include "base/escape.hpp"
#include "base/file.hpp"
#include "crypto/encoding.hpp"

namespace diglett::auth {

namespace {

constexpr std::array<std::string_view, 4> kKeys{"name", "token-sha256", "names", "allow-v1"};

/// As the grammar of routing/name.hpp, which this rank may not include; the gateway checks names
/// before it asks, so an entry that it would refuse could only never match.
bool is_name(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= 63 && plain(text.front()) && plain(text.back()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return c == '-' || plain(c); });
}

bool is_identity_name(std::string_view text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
    return !text.empty() && text.size() <= kMaxIdentityNameBytes &&
           text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

/// Reads one file; the first mistake ends the work.
class Reader {
  public:
    explicit Reader(std::string_view file) : file_(file) {}

    Result<TokenTable> read(const toml::table& root) {
        TokenTable table;
        for (const auto& [key, node] : root) {
            const auto* entries = key.str() == "identity" ? node.as_array() : nullptr;
            if (entries == nullptr) {
                return mistake(node, fmt::format("unknown key '{}': the file holds [[identity]] "
                                                 "tables only",
                                                 escape(key.str())));
            }
            if (entries->size() > kMaxIdentities) {
                return mistake(node, fmt::format("more than {} identities", kMaxIdentities));
            }
            for (const auto& entry : *entries) {
                auto identity = read_identity(entry);
                if (!identity) {
                    return forward_error(identity);
                }
                table.push_back(std::move(*identity));
            }
        }
        return table;
    }

  private:
    std::unexpected<Error> mistake(const toml::node& node, std::string_view words) const {
        return fail(Errc::InvalidConfig,
                    fmt::format("{}:{}: {}", file_, node.source().begin.line, words));
    }

    Result<TokenIdentity> read_identity(const toml::node& entry) {
        const auto* table = entry.as_table();
        if (table == nullptr) {
            return mistake(entry, "write identities as [[identity]]");
        }
        for (const auto& [key, node] : *table) {
            if (std::find(kKeys.begin(), kKeys.end(), key.str()) == kKeys.end()) {
                return mistake(node, fmt::format("unknown key '{}'", escape(key.str())));
            }
        }
        TokenIdentity identity;
        for (const auto read : {&Reader::read_name, &Reader::read_token, &Reader::read_names,
                                &Reader::read_allow_v1}) {
            if (auto done = (this->*read)(*table, identity); !done) {
                return forward_error(done);
            }
        }
        return identity;
    }

    Status read_name(const toml::table& table, TokenIdentity& identity) {
        const auto* node = table.get("name");
        if (node == nullptr) {
            return mistake(table, "key 'name' is missing");
        }
        const auto* text = node->as_string();
        if (text == nullptr || !is_identity_name(text->get())) {
            return mistake(*node, fmt::format("key 'name' takes 1 to {} of A-Z, a-z, 0-9 and ._@-",
                                              kMaxIdentityNameBytes));
        }
        if (!seen_names_.insert(text->get()).second) {
            return mistake(*node, fmt::format("key 'name': '{}' stands twice", text->get()));
        }
        identity.name = text->get();
        return {};
    }

    Status read_token(const toml::table& table, TokenIdentity& identity) {
        const auto* node = table.get("token-sha256");
        if (node == nullptr) {
            return mistake(table, "key 'token-sha256' is missing");
        }
        const auto* text = node->as_string();
        const auto digest = text == nullptr ? std::nullopt : crypto::from_hex(text->get());
        if (!digest || digest->size() != identity.token_sha256.size()) {
            // The value is not shown: somebody may have written the token itself there.
            return mistake(*node, "key 'token-sha256' takes 64 hexadecimal digits");
        }
        std::copy(digest->begin(), digest->end(), identity.token_sha256.begin());
        if (!seen_tokens_.insert(identity.token_sha256).second) {
            return mistake(*node, "key 'token-sha256': another identity has the same token");
        }
        return {};
    }

    Status read_names(const toml::table& table, TokenIdentity& identity) {
        const auto* node = table.get("names");
        if (node == nullptr) {
            return mistake(table, "key 'names' is missing");
        }
        const auto* entries = node->as_array();
        if (entries == nullptr || entries->empty()) {
            return mistake(*node, "key 'names' takes an array of names, or [\"*\"] for any");
        }
        for (const auto& entry : *entries) {
            const auto* text = entry.as_string();
            if (text != nullptr && text->get() == "*") {
                identity.any_name = true;
            } else if (text != nullptr && is_name(text->get())) {
                identity.names.insert(text->get());
            } else {
                return mistake(entry, text == nullptr
                                          ? std::string("key 'names' takes texts")
                                          : fmt::format("key 'names': '{}' is neither a name nor *",
                                                        escape(text->get())));
            }
        }
        return {};
    }

    Status read_allow_v1(const toml::table& table, TokenIdentity& identity) {
        const auto* node = table.get("allow-v1");
        if (node == nullptr) {
            return {};
        }
        const auto* flag = node->as_boolean();
        if (flag == nullptr) {
            return mistake(*node, "key 'allow-v1' takes true or false");
        }
        identity.allow_v1 = flag->get();
        return {};
    }

    std::string_view file_;
    std::set<std::string> seen_names_;
    std::set<crypto::Sha256Digest> seen_tokens_;
};

}  // namespace

Result<TokenTable> parse_token_file(std::string_view text, std::string_view file) {
    try {
        const toml::table root = toml::parse(text, file);
        return Reader(file).read(root);
    } catch (const toml::parse_error& error) {
        return fail(Errc::InvalidConfig, fmt::format("{}:{}: {}", file, error.source().begin.line,
                                                     escape(error.description())));
    }
}

Result<TokenTable> load_token_file(const std::filesystem::path& path) {
    const auto text = read_file(path, kMaxTokenFileBytes);
    if (!text) {
        return forward_error(text);
    }
    return parse_token_file(*text, escape(path.native()));
}

std::string token_sha256(const Secret& token) {
    return crypto::to_hex(crypto::sha256(as_bytes(token.expose_secret())));
}

}  // namespace diglett::auth
