#include "auth/grid/storage_key.hpp"

#include <bit>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "test/support/json_vectors.hpp"

namespace diglett::auth::grid {
namespace {

using test::text_at;

/// xxh64 of a text below 32 bytes.
/// @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
std::uint64_t xxh64(std::string_view text, std::uint64_t seed) {
    constexpr std::uint64_t k1 = 0x9E3779B185EBCA87;
    constexpr std::uint64_t k2 = 0xC2B2AE3D27D4EB4F;
    constexpr std::uint64_t k3 = 0x165667B19E3779F9;
    constexpr std::uint64_t k4 = 0x85EBCA77C2B2AE63;
    constexpr std::uint64_t k5 = 0x27D4EB2F165667C5;
    EXPECT_LT(text.size(), 32U);
    const auto take = [&text](std::size_t size) {
        std::uint64_t read = 0;
        for (std::size_t i = size; i-- > 0;) {
            read = read << 8U | static_cast<unsigned char>(text[i]);
        }
        text.remove_prefix(size);
        return read;
    };
    std::uint64_t hash = seed + k5 + text.size();
    while (text.size() >= 8) {
        hash = std::rotl(hash ^ std::rotl(take(8) * k2, 31) * k1, 27) * k1 + k4;
    }
    if (text.size() >= 4) {
        hash = std::rotl(hash ^ take(4) * k1, 23) * k2 + k3;
    }
    while (!text.empty()) {
        hash = std::rotl(hash ^ take(1) * k5, 11) * k1;
    }
    hash = (hash ^ hash >> 33U) * k2;
    hash = (hash ^ hash >> 29U) * k3;
    return hash ^ hash >> 32U;
}

std::string twox128(std::string_view text) {
    ByteVector bytes;
    for (std::uint64_t seed : {0U, 1U}) {
        auto hash = xxh64(text, seed);
        for (int i = 0; i < 8; ++i, hash >>= 8U) {
            bytes.push_back(static_cast<std::byte>(hash & 0xffU));
        }
    }
    return crypto::to_hex(bytes);
}

/// The number behind "twin id " and the like.
std::uint64_t number_in(std::string_view argument) {
    return std::stoull(std::string(argument.substr(argument.rfind(' ') + 1)));
}

/// The key that this folder makes for a vector; nothing for items that it does not read.
std::optional<ByteVector> own_key(const boost::json::value& vector) {
    const auto item =
        std::string(text_at(vector, "pallet")) + "." + std::string(text_at(vector, "item"));
    const auto argument = text_at(vector, "argument");
    if (item == "TfgridModule.Twins") {
        return twin_key(static_cast<std::uint32_t>(number_in(argument)));
    }
    if (item == "SmartContractModule.Contracts") {
        return contract_key(number_in(argument));
    }
    if (item == "SmartContractModule.ContractIDByNameRegistration") {
        const auto first = argument.find('"') + 1;
        return name_registration_key(argument.substr(first, argument.rfind('"') - first));
    }
    if (item == "TfgridModule.PalletVersion") {
        return twin_pallet_version_key();
    }
    if (item == "SmartContractModule.PalletVersion") {
        return contract_pallet_version_key();
    }
    return item == "Timestamp.Now" ? std::optional(timestamp_key()) : std::nullopt;
}

TEST(StorageKey, IsTheOneThatOthersMake) {
    const auto all = test::load_vectors("grid/storage_keys.json");
    std::size_t own = 0;
    std::size_t built = 0;
    for (const auto& vector : test::array_at(all, "keys")) {
        SCOPED_TRACE(text_at(vector, "argument"));
        const auto expected = text_at(vector, "key");
        const auto prefix = text_at(vector, "prefix");
        EXPECT_EQ(twox128(text_at(vector, "pallet")) + twox128(text_at(vector, "item")), prefix);
        if (!vector.at("argument_scale").is_null()) {
            const auto argument = test::hex_at(vector, "argument_scale");
            EXPECT_EQ("0x" + crypto::to_hex(map_key(test::hex_at(vector, "prefix"), argument)),
                      expected);
        } else {
            EXPECT_EQ("0x" + std::string(prefix), expected);
        }
        ++built;
        if (const auto key = own_key(vector)) {
            EXPECT_EQ("0x" + crypto::to_hex(*key), expected);
            ++own;
        }
    }
    EXPECT_EQ(built, 91U);
    EXPECT_EQ(own, 87U);  // all but TwinID, ContractID and two of TwinIdByAccountID
}

}  // namespace
}  // namespace diglett::auth::grid
