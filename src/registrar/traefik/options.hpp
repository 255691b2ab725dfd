#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace diglett::registrar::traefik {

/// What the operator says of names in Traefik: `domain`, and the keys of table `[traefik]` with `-`
/// for `_`.
struct Options {
    /// Each name appears under each; the first is the one that people are told.
    std::vector<std::string> domains;
    /// Those of Traefik's static configuration at which kind `http` answers.
    std::vector<std::string> entry_points{"websecure"};
    bool tls = true;                         ///< Whether they speak TLS.
    std::string cert_resolver{};             ///< Of Traefik; empty: none.
    std::vector<std::string> tls_domains{};  ///< For one certificate each: "*.gateway.com".
    std::vector<std::string> middlewares{};  ///< Of Traefik, for kind `http`: "auth@file".
    /// Those at which kind `tls` answers; none: that kind is not on offer. Better not one of
    /// `entry_points`: an HTTPS router for a host wins there over passing it through.
    std::vector<std::string> passthrough_entry_points{};
    /// How long Traefik lets the answer of a kind `tls` backend run after the visitor's FIN.
    /// Without it such an answer is lost.
    std::chrono::milliseconds termination_delay = std::chrono::seconds(30);
    int proxy_protocol = 0;  ///< To backends of kind `tls`: version 1 or 2; 0: none.
    /// Of the URL printed for kind `http`; empty: https, or http without `tls`.
    std::string public_scheme{};
    std::uint16_t public_port = 0;  ///< Of the same; 0: that of the scheme.
    /// Of the URL printed for kind `tls`, which is https whatever kind `http` speaks.
    std::uint16_t passthrough_public_port = 443;
    std::string target = "port";  ///< Where routes lead: "port", the name's own on 127.0.0.1.
};

/// @return InvalidConfig, naming the key and the value, when one cannot be used. What passes has no
/// byte that means anything in a rule of Traefik or a template (Go's, which Traefik runs over its
/// files): no backtick, no brace, no quote.
[[nodiscard]] Status validate(const Options& options);

}  // namespace diglett::registrar::traefik
