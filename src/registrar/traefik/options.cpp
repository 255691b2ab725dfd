#include "registrar/traefik/options.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "registrar/traefik/host_name.hpp"

namespace diglett::registrar::traefik {

namespace {

/// Longest domain: a name of 63 bytes and a dot still fit before it.
constexpr std::size_t kMaxDomainBytes = kMaxHostBytes - 64;

constexpr std::size_t kMaxWordBytes = 128;  ///< Of entry points, middlewares and resolvers.
constexpr std::size_t kMaxValues = 64;      ///< Of any list.
constexpr std::chrono::hours kMaxTerminationDelay{24};

std::unexpected<Error> wrong(std::string_view key, std::string_view value, std::string_view why) {
    return fail(Errc::InvalidConfig, fmt::format("{}: '{}' {}", key, escape(value), why));
}

/// What names in Traefik's static configuration are made of in practice. `@` parts a middleware
/// from its provider.
bool is_word(std::string_view text, bool provider_allowed) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    const auto at = provider_allowed ? text.find('@') : std::string_view::npos;
    if (at != std::string_view::npos) {
        return is_word(text.substr(0, at), false) && is_word(text.substr(at + 1), false);
    }
    return !text.empty() && text.size() <= kMaxWordBytes && std::ranges::all_of(text, fits);
}

Status check_list(std::string_view key, const std::vector<std::string>& values) {
    if (values.size() > kMaxValues) {
        return fail(Errc::InvalidConfig, fmt::format("{}: more than {} values", key, kMaxValues));
    }
    std::set<std::string_view> seen;
    for (const auto& value : values) {
        if (!seen.insert(value).second) {
            return wrong(key, value, "stands there twice");
        }
    }
    return {};
}

Status check_words(std::string_view key, const std::vector<std::string>& words,
                   bool provider_allowed = false) {
    for (const auto& word : words) {
        if (!is_word(word, provider_allowed)) {
            return wrong(key, word, "is no name that Traefik could know");
        }
    }
    return check_list(key, words);
}

Status check_domains(const std::vector<std::string>& domains) {
    if (domains.empty()) {
        return fail(Errc::InvalidConfig,
                    "domain: at least one is needed for Traefik, such as gateway.com");
    }
    for (const auto& domain : domains) {
        if (!is_domain(domain)) {
            return wrong("domain", domain, "is no domain in lower case, such as gateway.com");
        }
        if (domain.size() > kMaxDomainBytes) {
            return wrong("domain", domain,
                         fmt::format("leaves no room for names: it has more than {} characters",
                                     kMaxDomainBytes));
        }
    }
    return check_list("domain", domains);
}

Status check_tls_domains(const Options& options) {
    constexpr std::string_view kKey = "[traefik] tls-domains";
    for (const auto& domain : options.tls_domains) {
        const std::string_view text = domain;
        if (!is_domain(text.starts_with("*.") ? text.substr(2) : text)) {
            return wrong(kKey, text, "is neither a domain nor a wildcard such as *.gateway.com");
        }
    }
    if (!options.tls && !options.tls_domains.empty()) {
        return fail(Errc::InvalidConfig, "[traefik] tls-domains: of no use with tls = false");
    }
    return check_list(kKey, options.tls_domains);
}

Status check_resolver(const Options& options) {
    constexpr std::string_view kKey = "[traefik] cert-resolver";
    if (options.cert_resolver.empty()) {
        return {};
    }
    if (!options.tls) {
        return wrong(kKey, options.cert_resolver, "is of no use with tls = false");
    }
    return check_words(kKey, {options.cert_resolver});
}

Status check_numbers(const Options& options) {
    if (options.termination_delay <= std::chrono::milliseconds(0) ||
        options.termination_delay > kMaxTerminationDelay) {
        return wrong("[traefik] termination-delay",
                     fmt::format("{}ms", options.termination_delay.count()),
                     "is not above zero and at most 24h");
    }
    if (options.passthrough_public_port == 0) {
        return wrong("[traefik] passthrough-public-port", "0", "is not 1 to 65535");
    }
    if (options.proxy_protocol < 0 || options.proxy_protocol > 2) {
        return wrong("[traefik] proxy-protocol", fmt::format("{}", options.proxy_protocol),
                     "is neither 0 (none) nor version 1 or 2");
    }
    return {};
}

Status check_choices(const Options& options) {
    if (options.entry_points.empty()) {
        return fail(Errc::InvalidConfig,
                    "[traefik] entry-points: at least one is needed, such as websecure");
    }
    if (!options.public_scheme.empty() && options.public_scheme != "http" &&
        options.public_scheme != "https") {
        return wrong("[traefik] public-scheme", options.public_scheme, "is neither http nor https");
    }
    if (options.target != "port") {
        return wrong("[traefik] target", options.target, "is not known; the only one is port");
    }
    return {};
}

}  // namespace

Status validate(const Options& options) {
    for (const auto& checked :
         {check_domains(options.domains),
          check_words("[traefik] entry-points", options.entry_points), check_resolver(options),
          check_tls_domains(options),
          check_words("[traefik] middlewares", options.middlewares, true),
          check_words("[traefik] passthrough-entry-points", options.passthrough_entry_points),
          check_numbers(options), check_choices(options)}) {
        if (!checked) {
            return forward_error(checked);
        }
    }
    return {};
}

}  // namespace diglett::registrar::traefik
