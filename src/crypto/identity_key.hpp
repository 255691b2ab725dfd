#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/pin.hpp"

struct evp_pkey_st;

namespace diglett::crypto {

/// The gateway's identity: a P-256 key, made on first start and kept for ever. Agents know it by
/// its pin, so certificates around it may change. A value: copies share the key, which never
/// changes.
class IdentityKey {
  public:
    /// A fresh key from the system's randomness.
    [[nodiscard]] static IdentityKey generate();

    /// Reads an unencrypted private key in PEM (PKCS#8 or SEC 1). @return InvalidConfig when it is
    /// no such key, or of another kind than P-256.
    [[nodiscard]] static Result<IdentityKey> from_pem(std::string_view pem);

    /// The private key as PKCS#8 in PEM: for a file of mode 0600, never for a log.
    [[nodiscard]] std::string to_pem() const;

    /// What agents pin.
    [[nodiscard]] const Pin& pin() const { return pin_; }

    /// A certificate for this key, signed by itself, in PEM. Valid from 2020 to 9999: clients check
    /// the key, and an end date could only break them. Each call gives another serial number.
    [[nodiscard]] std::string self_signed_certificate() const;

    /// For this folder's sources.
    [[nodiscard]] evp_pkey_st* native() const { return key_.get(); }

  private:
    explicit IdentityKey(std::shared_ptr<evp_pkey_st> key);

    std::shared_ptr<evp_pkey_st> key_;
    Pin pin_;
};

}  // namespace diglett::crypto
