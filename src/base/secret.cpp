#include "base/secret.hpp"

#include <string.h>

namespace diglett {

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
    // A short string is copied by its move, so the source still holds the text.
    other.wipe();
}

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) {
        // Built beside and moved in: an assignment would leave the old text behind when it
        // reallocates.
        Secret copy(other);
        *this = std::move(copy);
    }
    return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        value_ = std::move(other.value_);
        other.wipe();
    }
    return *this;
}

Secret::~Secret() {
    wipe();
}

void Secret::wipe() {
    // Up to the capacity: an earlier, longer text may have left its tail there.
    value_.resize(value_.capacity());
    ::explicit_bzero(value_.data(), value_.size());
    value_.clear();
}

}  // namespace diglett
