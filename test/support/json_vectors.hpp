#pragma once

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "crypto/encoding.hpp"

/// Reading of the JSON files of test/vectors. Throws on what is not there: a test without its
/// vectors has failed.
namespace diglett::test {

/// The file `path` below test/vectors.
inline boost::json::value load_vectors(const std::string& path) {
    std::ifstream file(std::string(DIGLETT_VECTORS) + "/" + path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return boost::json::parse(text);
}

inline std::string_view text_at(const boost::json::value& object, std::string_view key) {
    const boost::json::string& text = object.at(key).as_string();
    return {text.data(), text.size()};
}

inline ByteVector hex_at(const boost::json::value& object, std::string_view key) {
    return diglett::crypto::from_hex(text_at(object, key)).value();
}

inline std::size_t number_at(const boost::json::value& object, std::string_view key) {
    return object.at(key).to_number<std::size_t>();
}

/// The elements of the array `key`.
inline const boost::json::array& array_at(const boost::json::value& object, std::string_view key) {
    return object.at(key).as_array();
}

template <std::size_t Size>
std::array<std::byte, Size> to_array(ByteView bytes) {
    std::array<std::byte, Size> array{};
    EXPECT_EQ(bytes.size(), Size);
    std::ranges::copy(bytes.first(std::min(bytes.size(), Size)), array.begin());
    return array;
}

/// The `Size` bytes that `key` holds in hexadecimal.
template <std::size_t Size>
std::array<std::byte, Size> bytes_at(const boost::json::value& object, std::string_view key) {
    return to_array<Size>(hex_at(object, key));
}

}  // namespace diglett::test
