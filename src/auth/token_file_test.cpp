#include "auth/token_file.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temporary_directory.hpp"

namespace diglett::auth {
namespace {

using testing::HasSubstr;

// printf %s 'correct horse' | sha256sum
constexpr std::string_view kHash =
    "4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631";

std::string file_with(std::string_view lines) {
    return "[[identity]]\n" + std::string(lines);
}

TEST(TokenSha256, IsTheHashInHexadecimal) {
    EXPECT_EQ(token_sha256(Secret("abc")),  // FIPS 180-2, appendix B.1
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(TokenFile, ReadsIdentities) {
    const auto table = parse_token_file(R"(
[[identity]]
name = "alice"
token-sha256 = "BA7816BF8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
names = ["blog", "shop-2"]

[[identity]]
name = "bob@example.com"
token-sha256 = "0000000000000000000000000000000000000000000000000000000000000001"
names = ["*"]
allow-v1 = true
)",
                                        "tokens.toml");
    ASSERT_TRUE(table) << table.error().text;
    ASSERT_EQ(table->size(), 2U);
    const auto& alice = table->at(0);
    EXPECT_EQ(alice.name, "alice");
    EXPECT_EQ(alice.token_sha256, crypto::sha256(as_bytes("abc")));
    EXPECT_THAT(alice.names, testing::ElementsAre("blog", "shop-2"));
    EXPECT_FALSE(alice.any_name);
    EXPECT_FALSE(alice.allow_v1);
    const auto& bob = table->at(1);
    EXPECT_EQ(bob.name, "bob@example.com");
    EXPECT_TRUE(bob.names.empty());
    EXPECT_TRUE(bob.any_name);
    EXPECT_TRUE(bob.allow_v1);
}

TEST(TokenFile, MayHoldNobody) {
    const auto table = parse_token_file("# nobody yet\n", "tokens.toml");
    ASSERT_TRUE(table);
    EXPECT_TRUE(table->empty());
}

struct Mistake {
    std::string text;
    std::string place_and_words;
};

TEST(TokenFile, NamesFileLineAndKeyOfAMistake) {
    const std::string name = "name = \"a\"\n";
    const std::string hash = "token-sha256 = \"" + std::string(kHash) + "\"\n";
    const std::string names = "names = [\"blog\"]\n";
    const std::vector<Mistake> mistakes{
        {"[[identity\n", "t.toml:1: "},
        {"identities = 1\n", "t.toml:1: unknown key 'identities'"},
        {"[identity]\nname = \"a\"\n", "t.toml:1: "},
        {"identity = [1]\n", "t.toml:1: write identities as [[identity]]"},
        {file_with(name + hash + names + "kinds = []\n"), "t.toml:5: unknown key 'kinds'"},
        {file_with(name + hash + names + "Names = []\n"), "t.toml:5: unknown key 'Names'"},
        {file_with(hash + names), "t.toml:1: key 'name' is missing"},
        {file_with(name + names), "t.toml:1: key 'token-sha256' is missing"},
        {file_with(name + hash), "t.toml:1: key 'names' is missing"},
        {file_with("name = 7\n" + hash + names), "t.toml:2: key 'name' takes"},
        {file_with("name = \"\"\n" + hash + names), "t.toml:2: key 'name' takes"},
        {file_with("name = \"a b\"\n" + hash + names), "t.toml:2: key 'name' takes"},
        {file_with("name = \"" + std::string(65, 'a') + "\"\n" + hash + names),
         "t.toml:2: key 'name' takes"},
        {file_with(name + "token-sha256 = \"" + std::string(63, '0') + "\"\n" + names),
         "t.toml:3: key 'token-sha256' takes 64"},
        {file_with(name + "token-sha256 = \"" + std::string(66, '0') + "\"\n" + names),
         "t.toml:3: key 'token-sha256' takes 64"},
        {file_with(name + "token-sha256 = \"" + std::string(64, 'g') + "\"\n" + names),
         "t.toml:3: key 'token-sha256' takes 64"},
        {file_with(name + "token-sha256 = 0\n" + names), "t.toml:3: key 'token-sha256' takes 64"},
        {file_with(name + hash + "names = \"*\"\n"), "t.toml:4: key 'names' takes an array"},
        {file_with(name + hash + "names = []\n"), "t.toml:4: key 'names' takes an array"},
        {file_with(name + hash + "names = [\"ok\",\n7]\n"), "t.toml:5: key 'names' takes texts"},
        {file_with(name + hash + "names = [\"Blog\"]\n"),
         "t.toml:4: key 'names': 'Blog' is neither"},
        {file_with(name + hash + "names = [\"blog*\"]\n"),
         "t.toml:4: key 'names': 'blog*' is neither"},
        {file_with(name + hash + names + "allow-v1 = \"true\"\n"),
         "t.toml:5: key 'allow-v1' takes true or false"},
        {file_with(name + hash + names) + file_with(name + hash + names),
         "t.toml:6: key 'name': 'a' stands twice"},
        {file_with(name + hash + names) + file_with("name = \"b\"\n" + hash + names),
         "t.toml:7: key 'token-sha256': another identity has the same token"},
    };
    for (const auto& [text, expected] : mistakes) {
        const auto refused = parse_token_file(text, "t.toml");
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().code, Errc::InvalidConfig);
        EXPECT_THAT(refused.error().text, testing::StartsWith(expected)) << text;
    }
}

// Somebody will paste the token instead of its hash, sooner or later.
TEST(TokenFile, ShowsNoTokenInAMistake) {
    const auto refused = parse_token_file(
        file_with("name = \"a\"\ntoken-sha256 = \"canary\"\nnames = [\"*\"]\n"), "t.toml");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, testing::Not(HasSubstr("canary")));
}

TEST(TokenFile, IsReadFromDisk) {
    const test::TemporaryDirectory directory;
    const auto path = directory.file("tokens.toml");
    const auto missing = load_token_file(path);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::UnreadableFile);
    std::ofstream(path) << file_with("name = \"a\"\ntoken-sha256 = \"" + std::string(kHash) +
                                     "\"\nnames = [\"*\"]\n");
    const auto table = load_token_file(path);
    ASSERT_TRUE(table) << table.error().text;
    EXPECT_EQ(table->size(), 1U);
    std::ofstream(path) << "oops = 1\n";
    EXPECT_THAT(load_token_file(path).error().text, HasSubstr("tokens.toml:1: unknown key 'oops'"));
}

}  // namespace
}  // namespace diglett::auth
