#include "routing/port_file.hpp"

#include <chrono>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/log_capture.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::routing {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kThen{std::chrono::seconds(1'790'000'000)};

const StoredPorts kPorts{{10'000, {.name = "shop", .rests_until = kThen}},
                         {10'001, {.name = "blog"}},
                         {65'535, {.name = ""}}};

TEST(PortFile, ReadsWhatItWrites) {
    for (const auto& ports : {kPorts, StoredPorts{}}) {
        const auto read = decode_ports(encode_ports(ports));
        ASSERT_TRUE(read) << read.error().text;
        EXPECT_EQ(*read, ports);
    }
}

TEST(PortFile, RestsRatherLongerThanShorter) {
    const auto read = decode_ports(encode_ports({{1, {.name = "a", .rests_until = kThen + 1ms}}}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->at(1).rests_until, kThen + 1s);
}

TEST(PortFile, ANameOfNobodyIsLeftOut) {
    const auto read = decode_ports(encode_ports({{1, {.name = "\xff\"}"}}}));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(*read, (StoredPorts{{1, {.name = ""}}}));
}

TEST(PortFile, RefusesAnythingElse) {
    const std::string entry = R"({"port":1,"name":"a"})";
    for (const std::string bad :
         {"", "[]", R"({"version":1})", R"({"version":2,"ports":[]})",
          R"({"version":1,"ports":{}})", R"({"version":1,"ports":[1]})",
          R"({"version":1,"ports":[{"name":"a"}]})",
          R"({"version":1,"ports":[{"port":0,"name":"a"}]})",
          R"({"version":1,"ports":[{"port":65536,"name":"a"}]})",
          R"({"version":1,"ports":[{"port":1}]})",
          R"({"version":1,"ports":[{"port":1,"name":"A"}]})",
          R"({"version":1,"ports":[{"port":1,"name":"a","rests_until":-1}]})",
          R"({"version":1,"ports":[{"port":1,"name":"a","rests_until":99999999999999}]})"}) {
        EXPECT_FALSE(decode_ports(bad)) << bad;
    }
    EXPECT_TRUE(decode_ports(R"({"version":1,"ports":[)" + entry + "]}"));
    EXPECT_FALSE(decode_ports(R"({"version":1,"ports":[)" + entry + "," + entry + "]}"));
}

class PortFileOnDisk : public testing::Test {
  protected:
    test::TemporaryDirectory folder_;
    test::LogCapture log_;
    const std::filesystem::path path_ = folder_.path() / "ports.json";
};

TEST_F(PortFileOnDisk, IsFoundAgain) {
    auto first = PortFile::open(path_, log_.logger());
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->is_kept());
    EXPECT_TRUE(first->found().empty());
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_TRUE(first->save(kPorts));
    const auto second = PortFile::open(path_, log_.logger());
    ASSERT_TRUE(second);
    EXPECT_EQ(second->found(), kPorts);
}

TEST_F(PortFileOnDisk, SaysHowToMendIt) {
    std::ofstream(path_) << "nonsense";
    const auto opened = PortFile::open(path_, log_.logger());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::CorruptState);
    EXPECT_THAT(opened.error().text, testing::HasSubstr("ports.json'"));
    EXPECT_THAT(opened.error().text, testing::HasSubstr("delete it"));
}

TEST_F(PortFileOnDisk, TellsOnceThatItCannotBeWritten) {
    const auto gone = folder_.path() / "sub" / "ports.json";
    std::filesystem::create_directory(gone.parent_path());
    auto file = PortFile::open(gone, log_.logger());
    ASSERT_TRUE(file);
    std::filesystem::remove(gone.parent_path());
    EXPECT_FALSE(file->save(kPorts));
    EXPECT_FALSE(file->save(kPorts));
    EXPECT_EQ(log_.count("after a crash others may get their ports"), 1U);
    std::filesystem::create_directory(gone.parent_path());
    EXPECT_TRUE(file->save(kPorts));
    EXPECT_EQ(log_.count("written again"), 1U);
}

TEST(PortFile, WithoutAFileNothingIsKept) {
    PortFile none;
    EXPECT_FALSE(none.is_kept());
    EXPECT_TRUE(none.save(kPorts));
    EXPECT_TRUE(none.found().empty());
}

}  // namespace
}  // namespace diglett::routing
