#include "app/config_file.hpp"

#include <gtest/gtest.h>

namespace diglett::app {
namespace {

const ConfigSchema kSchema{.keys = {"listen", "auth", "workers", "accept-v1", "grid-ca-file"},
                           .service_keys = {"name", "backend"}};

TEST(ParseConfig, ReadsValuesOfEachKindAsText) {
    const auto config = parse_config(
        "listen = \"127.0.0.1:1\"\nauth = [\"open\", \"tokens\"]\nworkers = 4\naccept-v1 = true\n",
        "f.toml", kSchema);
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->settings.at("listen").values, std::vector<std::string>{"127.0.0.1:1"});
    EXPECT_EQ(config->settings.at("auth").values, (std::vector<std::string>{"open", "tokens"}));
    EXPECT_EQ(config->settings.at("workers").values, std::vector<std::string>{"4"});
    EXPECT_EQ(config->settings.at("accept-v1").values, std::vector<std::string>{"true"});
    EXPECT_EQ(config->settings.at("accept-v1").line, 4U);
}

TEST(ParseConfig, ReadsServicesInOrder) {
    const auto config = parse_config(
        "[[service]]\nname = \"a\"\nbackend = 80\n[[service]]\nname = \"b\"\n", "f.toml", kSchema);
    ASSERT_TRUE(config) << config.error().text;
    ASSERT_EQ(config->services.size(), 2U);
    EXPECT_EQ(config->services[0].at("backend").values, std::vector<std::string>{"80"});
    EXPECT_EQ(config->services[1].at("name").values, std::vector<std::string>{"b"});
}

TEST(ParseConfig, JoinsATableAndItsKeysByAHyphen) {
    const auto config = parse_config("workers = 4\n\n[grid]\nca-file = \"x\"\n", "f.toml", kSchema);
    ASSERT_TRUE(config) << config.error().text;
    EXPECT_EQ(config->settings.at("grid-ca-file").values, std::vector<std::string>{"x"});
    EXPECT_EQ(config->settings.at("grid-ca-file").where, "f.toml:4");
}

struct Mistake {
    const char* text;
    const char* words;
};

class ConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsNamedByFileLineAndKey) {
    const auto config = parse_config(GetParam().text, "f.toml", kSchema);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, Errc::InvalidConfig);
    EXPECT_NE(config.error().text.find(GetParam().words), std::string::npos) << config.error().text;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConfigMistake,
    testing::Values(Mistake{"workers = 1\nlistne = \"x\"\n", "f.toml:2: unknown key 'listne'"},
                    Mistake{"workers = 1.5\n", "f.toml:1: key 'workers'"},
                    Mistake{"[workers]\nx = 1\n", "f.toml:1: key 'workers'"},
                    Mistake{"[grid]\nca_file = 1\n", "f.toml:2: unknown key 'ca_file' in [grid]"},
                    Mistake{"grid-ca-file = 1\n[grid]\nca-file = 1\n",
                            "f.toml:1: key 'grid-ca-file' stands there twice"},
                    Mistake{"[grid]\nca-file = { x = 1 }\n", "f.toml:2: key 'grid-ca-file'"},
                    Mistake{"[gird]\nca-file = 1\n", "f.toml:1: unknown key 'gird'"},
                    Mistake{"listen = [[1]]\n", "f.toml:1: key 'listen'"},
                    Mistake{"service = 1\n", "f.toml:1: write services as [[service]]"},
                    Mistake{"[[service]]\nnmae = 1\n", "f.toml:2: unknown key 'nmae'"},
                    Mistake{"workers = \n", "f.toml:1"},
                    Mistake{"workers = 1\nworkers = 2\n", "f.toml:2"}));

}  // namespace
}  // namespace diglett::app
