#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace diglett {

/// Text that must not be shown: formats as a mask, compares only through
/// crypto::equal_in_constant_time, and wipes its memory when it goes.
class Secret {
  public:
    Secret() = default;

    explicit Secret(std::string value) : value_(std::move(value)) {}

    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    [[nodiscard]] bool empty() const { return value_.empty(); }

    /// The text itself; the name is long so that each use stands out in review.
    [[nodiscard]] std::string_view expose_secret() const { return value_; }

    /// What logs and print-config show.
    [[nodiscard]] static std::string_view mask() { return "********"; }

  private:
    void wipe();
    std::string value_;
};

}  // namespace diglett
