#include "crypto/merlin.hpp"

#include <array>
#include <cstddef>

namespace diglett::crypto {

MerlinTranscript::MerlinTranscript(std::string_view label) : strobe_("Merlin v1.0") {
    append("dom-sep", label);
}

void MerlinTranscript::append(std::string_view label, ByteView message) {
    announce(label, message.size());
    strobe_.ad(message);
}

void MerlinTranscript::append(std::string_view label, std::string_view message) {
    append(label, as_bytes(message));
}

void MerlinTranscript::challenge(std::string_view label, MutableBytes out) {
    announce(label, out.size());
    strobe_.prf(out);
}

void MerlinTranscript::announce(std::string_view label, std::size_t size) {
    std::array<std::byte, 4> little_endian{};
    for (std::byte& byte : little_endian) {
        byte = static_cast<std::byte>(size & 0xffU);
        size >>= 8U;
    }
    strobe_.meta_ad(as_bytes(label));
    strobe_.meta_ad(little_endian, Strobe128::More::Yes);
}

}  // namespace diglett::crypto
