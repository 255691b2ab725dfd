#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/channel.hpp"
#include "net/socket.hpp"
#include "tunnel/worker_resources.hpp"

namespace diglett::tunnel {

/// Ciphertext on its way to the carrier's socket, in the order the channel made it. While nothing
/// waits it owns no buffer.
class CarrierWriter {
  public:
    /// All three outlive the last call.
    CarrierWriter(net::Socket& socket, crypto::Channel& channel, WorkerResources& resources);

    CarrierWriter(const CarrierWriter&) = delete;
    CarrierWriter& operator=(const CarrierWriter&) = delete;

    /// Where the channel appends what it makes; send() next.
    [[nodiscard]] ByteVector& output();

    /// Seals one batch behind what waits. @return the channel's error.
    [[nodiscard]] Status seal(std::span<const ByteView> parts) {
        return channel_.seal(parts, output());
    }

    /// Sends until all is gone or the socket is full. @return ConnectionLost.
    [[nodiscard]] Status send();

    /// Drops what waits and gives the buffer back.
    void release();

    /// Whether bytes wait for the socket: nothing new should be sealed.
    [[nodiscard]] bool is_blocked() const { return sent_ < output_.size(); }

  private:
    net::Socket& socket_;
    crypto::Channel& channel_;
    WorkerResources& resources_;
    ByteVector output_;
    std::size_t sent_ = 0;  ///< Of output_.
};

}  // namespace diglett::tunnel
