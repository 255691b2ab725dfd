#include "auth/grid/scale.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "test/support/json_vectors.hpp"

namespace diglett::auth::grid {
namespace {

using test::array_at;
using test::hex_at;
using test::text_at;

boost::json::value vectors() {
    return test::load_vectors("grid/scale_primitives.json");
}

ByteVector from_hex(const boost::json::value& text) {
    return crypto::from_hex(std::string_view(text.as_string())).value();
}

std::string text_of(const boost::json::value& vector) {
    if (vector.as_object().contains("text")) {
        return std::string(text_at(vector, "text"));
    }
    const auto& repeat = array_at(vector, "text_repeat");
    return std::string(repeat.at(1).to_number<std::size_t>(), repeat.at(0).as_string().at(0));
}

TEST(ScaleReader, ReadsCompactNumbersInTheirOneForm) {
    const auto all = vectors();
    ASSERT_EQ(array_at(all, "compact").size(), 8U);
    for (const auto& vector : array_at(all, "compact")) {
        const auto bytes = hex_at(vector, "hex");
        ScaleReader reader(bytes);
        EXPECT_EQ(reader.compact(), test::number_at(vector, "value"));
        EXPECT_TRUE(reader.finished()) << text_at(vector, "hex");
    }
    ASSERT_EQ(array_at(all, "compact_noncanonical_must_fail").size(), 4U);
    for (const auto& vector : array_at(all, "compact_noncanonical_must_fail")) {
        const auto bytes = from_hex(vector);
        ScaleReader reader(bytes);
        EXPECT_EQ(reader.compact(), 0U);
        EXPECT_FALSE(reader.ok()) << vector;
    }
}

TEST(ScaleReader, ReadsTheBigModeUpTo32Bits) {
    for (const auto& [hex, value] :
         {std::pair("0300000040", 1U << 30U), std::pair("03ffffffff", 0xffffffffU)}) {
        const auto bytes = crypto::from_hex(hex).value();
        ScaleReader reader(bytes);
        EXPECT_EQ(reader.compact(), value);
        EXPECT_TRUE(reader.finished());
    }
    for (const auto* const hex :
         {"", "03", "03ffffff", "03ffffff3f", "070000000001", "01", "02ffff"}) {
        const auto bytes = crypto::from_hex(hex).value();
        ScaleReader reader(bytes);
        EXPECT_EQ(reader.compact(), 0U) << hex;
        EXPECT_FALSE(reader.ok()) << hex;
    }
}

TEST(ScaleReader, ReadsByteVectors) {
    const auto all = vectors();
    ASSERT_EQ(array_at(all, "vec_u8").size(), 3U);
    for (const auto& vector : array_at(all, "vec_u8")) {
        const auto bytes = hex_at(vector, "hex");
        const auto expected = text_of(vector);
        ScaleReader reader(bytes);
        EXPECT_EQ(as_text(reader.bytes(expected.size())), expected);
        EXPECT_TRUE(reader.finished());
        if (expected.empty()) {
            continue;
        }
        ScaleReader bounded(bytes);
        EXPECT_TRUE(bounded.bytes(expected.size() - 1).empty());
        EXPECT_FALSE(bounded.ok());
        ScaleReader cut(ByteView(bytes).first(bytes.size() - 1));
        EXPECT_TRUE(cut.bytes().empty());
        EXPECT_FALSE(cut.ok());
    }
}

TEST(ScaleReader, ReadsOptionsAndNumbers) {
    const auto all = vectors();
    ASSERT_EQ(array_at(all, "option_u64").size(), 2U);
    for (const auto& vector : array_at(all, "option_u64")) {
        const auto bytes = hex_at(vector, "hex");
        ScaleReader reader(bytes);
        const bool is_some = reader.is_some();
        EXPECT_EQ(is_some, !vector.at("value").is_null());
        if (is_some) {
            EXPECT_EQ(std::to_string(reader.number<std::uint64_t>()), text_at(vector, "value"));
        }
        EXPECT_TRUE(reader.finished());
    }
    ASSERT_EQ(array_at(all, "u32_le").size(), 2U);
    for (const auto& vector : array_at(all, "u32_le")) {
        const auto bytes = hex_at(vector, "hex");
        ScaleReader reader(bytes);
        EXPECT_EQ(reader.number<std::uint32_t>(), test::number_at(vector, "value"));
        EXPECT_TRUE(reader.finished());
    }
    ASSERT_EQ(array_at(all, "bool_or_option_tag_invalid").size(), 2U);
    for (const auto& vector : array_at(all, "bool_or_option_tag_invalid")) {
        const auto bytes = from_hex(vector);
        ScaleReader reader(bytes);
        EXPECT_FALSE(reader.is_some());
        EXPECT_FALSE(reader.ok()) << vector;
    }
}

TEST(ScaleReader, RemembersTheFirstMistake) {
    const auto bytes = crypto::from_hex(
                           "02"
                           "01000000")
                           .value();
    ScaleReader reader(bytes);
    EXPECT_FALSE(reader.is_some());
    EXPECT_EQ(reader.number<std::uint32_t>(), 0U);
    EXPECT_EQ(reader.fixed<4>(), (std::array<std::byte, 4>{}));
    EXPECT_TRUE(reader.bytes().empty());
    EXPECT_FALSE(reader.ok());
    EXPECT_FALSE(reader.finished());
}

TEST(ScaleReader, IsNotFinishedWhileBytesAreLeft) {
    const auto bytes = crypto::from_hex("0100").value();
    ScaleReader reader(bytes);
    EXPECT_TRUE(reader.is_some());
    EXPECT_TRUE(reader.ok());
    EXPECT_FALSE(reader.finished());
}

}  // namespace
}  // namespace diglett::auth::grid
