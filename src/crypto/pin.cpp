#include "crypto/pin.hpp"

#include <algorithm>

#include "crypto/encoding.hpp"

namespace diglett::crypto {

namespace {

constexpr std::string_view kPrefix = "sha256/";

}  // namespace

Result<Pin> Pin::parse(std::string_view text) {
    Pin pin;
    if (text.starts_with(kPrefix)) {
        const auto digest = from_base64(text.substr(kPrefix.size()));
        if (digest && digest->size() == pin.sha256.size()) {
            std::ranges::copy(*digest, pin.sha256.begin());
            return pin;
        }
    }
    return fail(Errc::InvalidUsage, "a pin is sha256/ and 44 characters of base64");
}

std::string Pin::to_text() const {
    return std::string(kPrefix) + to_base64(sha256);
}

}  // namespace diglett::crypto
