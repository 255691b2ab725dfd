#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.hpp"

namespace diglett::tunnel {

/// Cuts what a peer sends into pieces, each of which a handshake can take whole: TLS record by
/// record, anything else (the 38 bytes of protocol 1) byte by byte. So a channel never holds a byte
/// of what comes behind the handshake.
class HandshakeSlicer {
  public:
    /// How many bytes of `available` to feed next, 1 at least. @pre `available` is not empty and
    /// follows what was fed.
    [[nodiscard]] std::size_t next(ByteView available);

  private:
    static constexpr std::size_t kTlsHeaderBytes = 5;  // RFC 8446 section 5.1

    std::optional<bool> is_tls_{};
    std::size_t header_seen_ = 0;  ///< Bytes of the present record's header.
    std::size_t body_left_ = 0;    ///< Bytes of the present record's body that are still to come.
};

}  // namespace diglett::tunnel
