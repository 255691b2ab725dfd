#include "routing/name.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/escape.hpp"
#include "routing/limits.hpp"

namespace diglett::routing {

namespace {

// In order, for the search. What others' software looks up by itself (wpad, autodiscover, mta-sts,
// isatap, openpgpkey), roles that mail and certificates are bound to (RFC 2142), the usual hosts of
// a domain's services, where users type passwords, and the gateway's own. Everyday words are free.
constexpr std::array<std::string_view, 54> kReserved{
    "abuse",        "admin",         "administrator",
    "api",          "auth",          "autoconfig",
    "autodiscover", "broadcasthost", "caldav",
    "carddav",      "diglett",       "dns",
    "email",        "ftp",           "ftps",
    "gateway",      "hostmaster",    "http",
    "https",        "imap",          "imaps",
    "internal",     "isatap",        "ldap",
    "local",        "localdomain",   "localhost",
    "login",        "mail",          "mta-sts",
    "mx",           "noc",           "ns",
    "oauth",        "openpgpkey",    "pop",
    "pop3",         "postmaster",    "proxy",
    "root",         "security",      "sftp",
    "sip",          "smtp",          "smtps",
    "ssl",          "sso",           "tls",
    "usenet",       "vpn",           "webmail",
    "webmaster",    "wpad",          "www"};
static_assert(std::is_sorted(kReserved.begin(), kReserved.end()));

// Also with a number behind them: ns1, mx10, www2.
constexpr std::array<std::string_view, 9> kNumbered{"dns", "imap", "mail",    "mx", "ns",
                                                    "pop", "smtp", "webmail", "www"};

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool has_right_grammar(std::string_view name) {
    return !name.empty() && name.size() <= kMaxNameBytes && is_letter_or_digit(name.front()) &&
           is_letter_or_digit(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
               return c == '-' || is_letter_or_digit(c);
           });
}

bool is_numbered(std::string_view name) {
    return std::any_of(kNumbered.begin(), kNumbered.end(), [name](std::string_view stem) {
        const auto rest = name.substr(std::min(stem.size(), name.size()));
        return name.starts_with(stem) && !rest.empty() &&
               std::all_of(rest.begin(), rest.end(), is_digit);
    });
}

/// RFC 5890, section 2.3.1: `xn--` and what may come after it.
bool is_encoded(std::string_view name) {
    return name.size() >= 4 && name.substr(2, 2) == "--";
}

bool is_reserved_word(std::string_view name) {
    return std::binary_search(kReserved.begin(), kReserved.end(), name) || is_numbered(name);
}

}  // namespace

Status check_name_grammar(std::string_view name) {
    if (has_right_grammar(name)) {
        return {};
    }
    return fail(Errc::NameInvalid,
                fmt::format("'{}' is no name: 1 to {} of a-z, 0-9 and '-', neither first nor last "
                            "a '-'",
                            escape(name), kMaxNameBytes));
}

bool is_reserved_name(std::string_view name) {
    return is_encoded(name) || is_reserved_word(name);
}

Result<NamePolicy> NamePolicy::create(const std::vector<std::string>& allowed) {
    NamePolicy policy;
    for (const auto& name : allowed) {
        if (const auto valid = check_name_grammar(name); !valid) {
            return fail(Errc::InvalidConfig, fmt::format("allowed names: {}", valid.error().text));
        }
        policy.allowed_.insert(name);
    }
    return policy;
}

Status NamePolicy::check(std::string_view name, EncodedNames encoded) const {
    if (auto valid = check_name_grammar(name); !valid) {
        return valid;
    }
    const bool is_reserved =
        encoded == EncodedNames::Free ? is_reserved_word(name) : is_reserved_name(name);
    if (is_reserved && !allowed_.contains(name)) {
        return fail(Errc::NameReserved, fmt::format("the name '{}' is reserved", name));
    }
    return {};
}

}  // namespace diglett::routing
