#pragma once

#include <algorithm>
#include <span>

#include "base/bytes.hpp"
#include "crypto/channel.hpp"

namespace diglett::test {

/// A channel that changes nothing: what is sealed is what is opened, and there is no handshake.
class PlainChannel final : public crypto::Channel {
  public:
    void feed(ByteView ciphertext) override { fed_ = ciphertext; }

    [[nodiscard]] Result<State> advance(ByteVector&) override { return State::Established; }

    [[nodiscard]] Result<std::size_t> open(MutableBytes plaintext, ByteVector&) override {
        const auto count = std::min(plaintext.size(), fed_.size());
        std::copy_n(fed_.begin(), count, plaintext.begin());
        fed_ = fed_.subspan(count);
        return count;
    }

    [[nodiscard]] Status seal(std::span<const ByteView> parts, ByteVector& out) override {
        for (const auto& part : parts) {
            out.insert(out.end(), part.begin(), part.end());
        }
        return {};
    }

    void close(ByteVector&) override {}

  private:
    ByteView fed_;
};

}  // namespace diglett::test
