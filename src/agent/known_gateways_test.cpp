#include "agent/known_gateways.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::agent {
namespace {

using testing::HasSubstr;

crypto::Pin pin_of(unsigned char byte) {
    crypto::Pin pin;
    pin.sha256.fill(std::byte{byte});
    return pin;
}

class KnownGatewaysFile : public testing::Test {
  protected:
    KnownGateways load() {
        auto known = KnownGateways::load(&state_);
        EXPECT_TRUE(known) << known.error().text;
        return std::move(*known);
    }

    void write(const std::string& text) {
        ASSERT_TRUE(write_file_atomically(state_.file("known_gateways"), text));
    }

    std::string read() { return read_file(state_.file("known_gateways"), 1 << 20).value_or(""); }

    test::TemporaryDirectory directory_;
    StateDir state_ = StateDir::open(directory_.path(), "agent").value();
};

TEST(KnownGatewaysText, ReadsLinesAndComments) {
    const auto pins =
        KnownGateways::parse("# a comment\n\nexample.com:20000 " + pin_of(1).to_text() +
                                 "\n[::1]:7 " + pin_of(2).to_text(),
                             "file");
    ASSERT_TRUE(pins) << pins.error().text;
    EXPECT_EQ(pins->size(), 2U);
    EXPECT_EQ(pins->at("example.com:20000"), pin_of(1));
    EXPECT_EQ(pins->at("[::1]:7"), pin_of(2));
}

TEST(KnownGatewaysText, NamesTheLineThatCannotBeRead) {
    for (const std::string line : {"example.com:1", "example.com:1 ", "example.com:1 sha256/short",
                                   "example.com:1  sha256/", "x"}) {
        const auto pins = KnownGateways::parse("# fine\n" + line + "\n", "the/file");
        ASSERT_FALSE(pins) << line;
        EXPECT_EQ(pins.error().code, Errc::CorruptState);
        EXPECT_THAT(pins.error().text, HasSubstr("the/file:2"));
    }
}

TEST(KnownGatewaysMemory, RemembersWithoutAStateDirectory) {
    auto known = KnownGateways::load(nullptr);
    ASSERT_TRUE(known);
    EXPECT_FALSE(known->find("example.com:1"));
    ASSERT_TRUE(known->add("example.com:1", pin_of(1)));
    EXPECT_EQ(known->find("example.com:1"), pin_of(1));
    EXPECT_EQ(known->where(), "memory");
}

TEST_F(KnownGatewaysFile, KeepsWhatItLearnt) {
    auto known = load();
    EXPECT_FALSE(known.find("example.com:1"));
    ASSERT_TRUE(known.add("example.com:1", pin_of(1)));
    EXPECT_EQ(load().find("example.com:1"), pin_of(1));
    EXPECT_EQ(known.where(), state_.file("known_gateways").string());
}

TEST_F(KnownGatewaysFile, KeepsWhatAnotherAgentAndPeopleWrote) {
    auto first = load();
    auto second = load();
    ASSERT_TRUE(first.add("a:1", pin_of(1)));
    ASSERT_TRUE(second.add("b:1", pin_of(2)));
    write(read() + "# mine\nc:1 " + pin_of(3).to_text());  // no line end, as people leave it
    ASSERT_TRUE(first.add("d:1", pin_of(4)));
    const auto all = load();
    for (unsigned char i = 1; i <= 4; ++i) {
        EXPECT_EQ(all.find(std::string(1, static_cast<char>('a' + i - 1)) + ":1"), pin_of(i));
    }
    EXPECT_THAT(read(), HasSubstr("# mine"));
}

TEST_F(KnownGatewaysFile, DoesNotReplaceTheKeyThatAnotherAgentLearnt) {
    auto first = load();
    auto second = load();
    ASSERT_TRUE(first.add("a:1", pin_of(1)));
    const auto refused = second.add("a:1", pin_of(2));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::GatewayKeyChanged);
    EXPECT_EQ(load().find("a:1"), pin_of(1));
    EXPECT_EQ(second.find("a:1"), pin_of(1));
    const auto before = read();
    EXPECT_TRUE(second.add("a:1", pin_of(1)));
    EXPECT_EQ(read(), before) << "no second line";
}

TEST_F(KnownGatewaysFile, RefusesToStartWithAFileThatCannotBeRead) {
    write("nonsense\n");
    const auto known = KnownGateways::load(&state_);
    ASSERT_FALSE(known);
    EXPECT_EQ(known.error().code, Errc::CorruptState);
}

}  // namespace
}  // namespace diglett::agent
