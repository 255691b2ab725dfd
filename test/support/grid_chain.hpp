#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "auth/grid/decide.hpp"
#include "auth/grid/storage_key.hpp"
#include "test/support/json_vectors.hpp"

namespace diglett::test {

/// The bytes of `0x...`; nothing for null.
inline auth::grid::StorageValue storage_value(const boost::json::value& value) {
    if (value.is_null()) {
        return std::nullopt;
    }
    const std::string_view text(value.as_string());
    EXPECT_TRUE(text.starts_with("0x"));
    return crypto::from_hex(text.substr(2)).value();
}

/// The made-up state of test/vectors/grid/mock_chain.json, asked by key.
class GridChain {
  public:
    GridChain() : vectors_(load_vectors("grid/mock_chain.json")) {
        apply(vectors_.at("storage").as_object());
    }

    [[nodiscard]] const boost::json::value& vectors() const { return vectors_; }

    /// Puts `storage` in place of what was there.
    void apply(const boost::json::object& storage) {
        for (const auto& [key, value] : storage) {
            storage_[std::string(key)] = storage_value(value);
        }
    }

    void set(ByteView key, auth::grid::StorageValue value) {
        storage_[hex_of(key)] = std::move(value);
    }

    /// A key that is not there answers null.
    [[nodiscard]] auth::grid::StorageValue at(ByteView key) const {
        const auto found = storage_.find(hex_of(key));
        return found == storage_.end() ? std::nullopt : found->second;
    }

  private:
    static std::string hex_of(ByteView key) { return "0x" + crypto::to_hex(key); }

    boost::json::value vectors_;
    std::map<std::string, auth::grid::StorageValue, std::less<>> storage_;
};

/// The token called `name` in test/vectors/grid/jwt.json.
inline std::string grid_token(std::string_view name) {
    static const boost::json::value all = load_vectors("grid/jwt.json");
    for (const auto& vector : array_at(all, "tokens")) {
        if (text_at(vector, "name") == name) {
            return std::string(text_at(vector, "token"));
        }
    }
    throw std::out_of_range(std::string(name));
}

/// The clock and the audience of the vectors.
inline constexpr auth::grid::Seconds kGridNow{std::chrono::seconds(1'700'000'060)};

inline auth::grid::TokenRules grid_rules() {
    return {.audiences = {"gent01.dev.grid.tf"}};
}

}  // namespace diglett::test
