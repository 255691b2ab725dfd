#include "crypto/v1_channel.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "crypto/constant_time.hpp"

namespace diglett::crypto {

V1Channel::V1Channel(Role role, const V1KeyPair& keys) : role_(role), keys_(keys) {}

void V1Channel::feed(ByteView ciphertext) {
    DIGLETT_ASSERT(input_.empty());
    input_ = ciphertext;
}

Result<Channel::State> V1Channel::advance(ByteVector& out) {
    if (ciphers_) {
        return State::Established;
    }
    const auto send_handshake = [&] {
        if (!std::exchange(sent_, true)) {
            out.insert(out.end(), keys_.handshake().begin(), keys_.handshake().end());
        }
    };
    if (role_ == Role::Agent) {
        send_handshake();
    }
    take_handshake();
    if (Status prefix = check_v1_prefix(ByteView(peer_).first(peer_bytes_)); !prefix) {
        input_ = {};
        return forward_error(prefix);
    }
    if (peer_bytes_ < peer_.size()) {
        return State::Handshaking;
    }
    auto secret = keys_.agree(peer_);
    if (!secret) {
        input_ = {};
        return forward_error(secret);
    }
    send_handshake();
    ciphers_.emplace(V1Cipher(*secret), V1Cipher(*secret));
    wipe(secret->key);
    wipe(secret->iv);
    return State::Established;
}

void V1Channel::take_handshake() {
    const ByteView now = input_.first(std::min(input_.size(), peer_.size() - peer_bytes_));
    std::ranges::copy(now, peer_.begin() + static_cast<std::ptrdiff_t>(peer_bytes_));
    peer_bytes_ += now.size();
    input_ = input_.subspan(now.size());
}

Result<std::size_t> V1Channel::open(MutableBytes plaintext, ByteVector&) {
    if (!ciphers_) {
        return 0U;
    }
    const ByteView now = input_.first(std::min(input_.size(), plaintext.size()));
    ciphers_->opening.apply(now, plaintext);
    input_ = input_.subspan(now.size());
    return now.size();
}

Status V1Channel::seal(std::span<const ByteView> parts, ByteVector& out) {
    if (!ciphers_) {
        return fail(Errc::Internal, "seal() before the handshake is done");
    }
    for (const ByteView part : parts) {
        const std::size_t start = out.size();
        out.insert(out.end(), part.begin(), part.end());
        const MutableBytes copy = MutableBytes(out).subspan(start);
        ciphers_->sealing.apply(copy, copy);
    }
    return {};
}

void V1Channel::close(ByteVector&) {}

}  // namespace diglett::crypto
