#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/limits.hpp"
#include "wire/message.hpp"

namespace diglett::wire {
namespace {

using testing::HasSubstr;

std::string quoted(std::size_t size) {
    return '"' + std::string(size, 'x') + '"';
}

std::string list_of(std::size_t count, const std::string& element) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
        list += (i == 0 ? "" : ",") + element;
    }
    return '[' + list + ']';
}

template <class Message>
std::string error_of(const std::string& text) {
    const auto message = decode<Message>(as_bytes(text));
    if (message) {
        return "accepted";
    }
    EXPECT_EQ(message.error().code, Errc::ProtocolViolation);
    return message.error().text;
}

// Rule 3.5: members of later versions, in any order and with any space, change nothing.
TEST(JsonMessage, IgnoresUnknownMembersOrderAndSpace) {
    const auto message = decode<Register>(as_bytes(
        " {\"later\" : {\"name\":[1,{}]}, \"takeover\":true,\n\"name\":\"ex\\u0061mple\"}\t"));
    ASSERT_TRUE(message) << message.error().text;
    EXPECT_EQ(*message, (Register{"example", "http", true}));
}

TEST(JsonMessage, LeavesOutWhatHasADefault) {
    EXPECT_EQ(*decode<Register>(as_bytes(R"({"name":"a"})")), (Register{"a", "http", false}));
    EXPECT_EQ(*decode<Registered>(as_bytes(R"({"name":"a"})")), (Registered{"a", 0, "", 0}));
    EXPECT_EQ(*decode<Refusal>(as_bytes(R"({"code":"busy"})")),
              (Refusal{RefusalCode::Busy, "", 0, 0}));
    EXPECT_EQ(*decode<Hello>(
                  as_bytes(R"({"min_version":2,"max_version":2,"link_limit":1,"stream_limit":3})")),
              (Hello{2, 2, {}, "", 1, 3}));
}

TEST(JsonMessage, RefusesWhatIsNotOneObject) {
    const std::string_view cases[] = {
        "",
        " ",
        "null",
        "[]",
        "\"name\"",
        "1",
        "{",
        R"({"name":"a"}{})",
        R"({"name":"a"},)",
        R"({"name":"a",})",
        R"({name:"a"})",
        R"({'name':'a'})",
        R"({"name":"a"}//)",
        R"(/**/{"name":"a"})",
        R"({"name":"a)",
        R"({"name":"\x61"})",
        "{\"name\":\"\n\"}",
        "{\"name\":\"\xff\"}",
        "{\"name\":\"\xc0\xaf\"}",
        R"({"name":"\ud800"})",
        "\xef\xbb\xbf{\"name\":\"a\"}",
        R"({"name":"a","x":NaN})",
        R"({"name":"a","x":01})",
        R"({"name":"a","x":Infinity})",
    };
    for (const auto text : cases) {
        EXPECT_FALSE(decode<Register>(as_bytes(text))) << text;
    }
    EXPECT_FALSE(decode<Register>(as_bytes(std::string_view("{\"name\":\"a\"}\0", 13))));
}

TEST(JsonMessage, RefusesAMemberThatIsThereTwice) {
    const std::string_view cases[] = {
        R"({"name":"a","name":"b"})",
        R"({"name":"a","name":"a"})",
        R"({"name":"a","n\u0061me":"b"})",
        R"({"name":"a","later":1,"later":2})",
        R"({"name":"a","later":[{"x":1,"x":1}]})",
        R"({"":1,"name":"a","":1})",
    };
    for (const auto text : cases) {
        EXPECT_THAT(error_of<Register>(std::string(text)), HasSubstr("twice")) << text;
    }
    // Colons in texts are no members.
    EXPECT_EQ(error_of<Register>(R"({"name":":","a:\":":"\\","b":["::"]})"), "accepted");
}

TEST(JsonMessage, RefusesMoreThanFourLevels) {
    EXPECT_EQ(error_of<Register>(R"({"name":"a","x":[[[1]]]})"), "accepted");
    EXPECT_THAT(error_of<Register>(R"({"name":"a","x":[[[[1]]]]})"), HasSubstr("deep"));
    const std::string deep = R"({"name":"a","x":)" + std::string(8'000, '[');
    EXPECT_THAT(error_of<Register>(deep), HasSubstr("deep"));
}

TEST(JsonMessage, RefusesTheWrongTypeOfEachMember) {
    const std::string_view values[] = {"null", "1", "\"x\"", "true", "[]", "{}", "[1]", "1.5"};

    const struct {
        std::string_view name;
        std::string_view rest;  // the other members
        std::string_view right;
    } cases[] = {
        {"min_version", R"("max_version":2,"link_limit":1,"stream_limit":1)", "1"},
        {"max_version", R"("min_version":2,"link_limit":1,"stream_limit":1)", "1"},
        {"link_limit", R"("min_version":2,"max_version":2,"stream_limit":1)", "1"},
        {"stream_limit", R"("min_version":2,"max_version":2,"link_limit":1)", "1"},
        {"features", R"("min_version":2,"max_version":2,"link_limit":1,"stream_limit":1)", "[]"},
        {"software", R"("min_version":2,"max_version":2,"link_limit":1,"stream_limit":1)", "\"x\""},
    };

    for (const auto& row : cases) {
        const auto rest = std::string(row.rest);
        for (const auto value : values) {
            const auto text =
                "{\"" + std::string(row.name) + "\":" + std::string(value) + "," + rest + "}";
            EXPECT_EQ(decode<Hello>(as_bytes(text)).has_value(), value == row.right) << text;
        }
    }
    EXPECT_THAT(error_of<Register>(R"({"name":1})"), HasSubstr("\"name\""));
    EXPECT_THAT(error_of<Register>(R"({"name":"a","kind":null})"), HasSubstr("\"kind\""));
    EXPECT_THAT(error_of<Register>(R"({"name":"a","takeover":0})"), HasSubstr("\"takeover\""));
    EXPECT_THAT(error_of<Register>(R"({"name":"a","takeover":"true"})"), HasSubstr("takeover"));
}

TEST(JsonMessage, RefusesNumbersOutsideOfTheirField) {
    const struct {
        std::string_view value;
        bool fits_port;
        bool fits_generation;
    } cases[] = {
        {"0", true, true},
        {"65535", true, true},
        {"65536", false, true},
        {"9223372036854775807", false, true},
        {"9223372036854775808", false, true},
        {"18446744073709551615", false, true},
        {"18446744073709551616", false, false},
        {"99999999999999999999999999", false, false},
        {"-1", false, false},
        {"-9223372036854775808", false, false},
        {"1.0", false, false},
        {"1e2", false, false},
        {"1e400", false, false},
    };

    for (const auto& row : cases) {
        const auto value = std::string(row.value);
        EXPECT_EQ(decode<Registered>(as_bytes(R"({"name":"a","port":)" + value + "}")).has_value(),
                  row.fits_port)
            << value;
        EXPECT_EQ(
            decode<Registered>(as_bytes(R"({"name":"a","generation":)" + value + "}")).has_value(),
            row.fits_generation)
            << value;
    }
}

TEST(JsonMessage, RefusesBytesThatAreNotTheRightNumberOfHexDigits) {
    const auto login = [](const std::string& key) {
        return R"({"agent_key":")" + key + R"(","agent_signature":")" + std::string(128, '0') +
               R"(","instance":")" + std::string(32, 'f') + "\"}";
    };
    EXPECT_EQ(error_of<Login>(login(std::string(64, 'a'))), "accepted");
    EXPECT_EQ(error_of<Login>(login(std::string(64, 'A'))), "accepted");
    for (const auto& bad :
         {std::string(), std::string(63, 'a'), std::string(62, 'a'), std::string(66, 'a'),
          std::string(63, 'a') + 'g', std::string(63, 'a') + ' ', "0x" + std::string(62, 'a'),
          std::string(64, '\x7f'), std::string(64, ':'), std::string(64, '@')}) {
        EXPECT_THAT(error_of<Login>(login(bad)), HasSubstr("\"agent_key\" is not 32 bytes")) << bad;
    }
}

// Each bound of wire/limits.hpp: the largest passes, one more does not.
TEST(JsonMessage, HoldsEveryBound) {
    const std::string hello =
        R"({"min_version":2,"max_version":2,"link_limit":1,"stream_limit":1,)";
    const std::string login = R"({"agent_key":")" + std::string(64, '0') +
                              R"(","agent_signature":")" + std::string(128, '0') +
                              R"(","instance":")" + std::string(32, '0') + R"(","token":)";
    const std::string welcome = R"({"session":")" + std::string(32, '0') +
                                R"(","grace_ms":1,"max_streams":1,"max_registrations":1,)";
    for (const std::size_t over : {0U, 1U}) {
        const auto expected = [&](const std::string& error) {
            return over == 0 ? error == "accepted" : error != "accepted";
        };
        EXPECT_TRUE(expected(
            error_of<Hello>(hello + "\"software\":" + quoted(kMaxSoftwareBytes + over) + "}")));
        EXPECT_TRUE(expected(error_of<Hello>(
            hello + "\"features\":" + list_of(kMaxFeatures + over, quoted(kMaxFeatureBytes)) +
            "}")));
        EXPECT_TRUE(expected(
            error_of<Hello>(hello + "\"features\":[" + quoted(kMaxFeatureBytes + over) + "]}")));
        EXPECT_TRUE(expected(error_of<Login>(login + quoted(kMaxTokenBytes + over) + "}")));
        EXPECT_TRUE(expected(
            error_of<Welcome>(welcome + "\"identity\":" + quoted(kMaxIdentityBytes + over) + "}")));
        EXPECT_TRUE(
            expected(error_of<Welcome>(welcome + R"("identity":"","next_pins":)" +
                                       list_of(kMaxNextPins + over, quoted(kMaxPinBytes)) + "}")));
        EXPECT_TRUE(expected(error_of<Welcome>(welcome + R"("identity":"","next_pins":[)" +
                                               quoted(kMaxPinBytes + over) + "]}")));
        EXPECT_TRUE(
            expected(error_of<Register>("{\"name\":" + quoted(kMaxNameBytes + over) + "}")));
        EXPECT_TRUE(expected(
            error_of<Register>(R"({"name":"a","kind":)" + quoted(kMaxKindBytes + over) + "}")));
        EXPECT_TRUE(
            expected(error_of<Registered>("{\"name\":" + quoted(kMaxNameBytes + over) + "}")));
        EXPECT_TRUE(expected(error_of<Registered>(
            R"({"name":"a","url":"https://)" + std::string(kMaxUrlBytes - 8 + over, 'x') + "\"}")));
        EXPECT_TRUE(expected(error_of<Refusal>(R"({"code":"busy","text":)" +
                                               quoted(kMaxRefusalTextBytes + over) + "}")));
        EXPECT_TRUE(expected(error_of<Refused>(
            std::string("\0\1", 2) + "{\"text\":" + quoted(kMaxRefusalTextBytes + over) + "}")));
    }
}

/// (protocol 2.7)
TEST(JsonMessage, TakesNoUrlThatATerminalOrAScriptMayTakeForMore) {
    const auto is_taken = [](const std::string& url) {
        return decode<Registered>(as_bytes(R"({"name":"a","url":")" + url + "\"}")).has_value();
    };
    for (const auto* const url : {"", "http://a", "https://a.b:1/c?d=%20#e~", "https://[::1]/"}) {
        EXPECT_TRUE(is_taken(url)) << url;
    }
    for (const auto* const url :
         {"a", "http://", "https://", "ftp://a", "HTTPS://a", " https://a", "https://a b",
          R"(https://a\nb)", R"(https://a\u001b[2J)", R"(https://a\u007f)", "https://ä",
          R"(https://\u202ea)", "javascript:alert(1)"}) {
        EXPECT_FALSE(is_taken(url)) << url;
    }
}

TEST(JsonMessage, NamesTheMissingMember) {
    EXPECT_EQ(error_of<Register>("{}"), "Register: \"name\" is missing");
    EXPECT_EQ(error_of<Refusal>("{}"), "Error or GoAway: \"code\" is missing");
    EXPECT_THAT(error_of<Hello>("{}"), HasSubstr("\"min_version\" is missing"));
    EXPECT_THAT(error_of<Login>("{}"), HasSubstr("\"agent_key\" is missing"));
    EXPECT_THAT(error_of<Welcome>("{}"), HasSubstr("\"session\" is missing"));
}

// The largest message that may be sent fits its frame, escapes of JSON included.
TEST(JsonMessage, FitsAFrameWhenEachByteOfTheTokenIsEscapedOnce) {
    Login login;
    login.token.assign(kMaxTokenBytes - 500, '"');
    ByteVector out;
    encode(login, out);
    EXPECT_LE(out.size(), kMaxMessageBytes);
}

}  // namespace
}  // namespace diglett::wire
