#include "wire/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/limits.hpp"

namespace diglett::wire {
namespace {

template <class Message>
ByteVector encoded(const Message& message) {
    ByteVector out;
    encode(message, out);
    return out;
}

template <std::size_t N>
std::array<std::byte, N> pattern(unsigned start) {
    std::array<std::byte, N> bytes{};
    for (std::size_t i = 0; i < N; ++i) {
        bytes[i] = static_cast<std::byte>(start + i);
    }
    return bytes;
}

/// Message as it is, and that no shorter and no longer payload passes for one.
template <class Message>
void expect_exact(const Message& message) {
    auto bytes = encoded(message);
    const auto whole = decode<Message>(bytes);
    ASSERT_TRUE(whole) << whole.error().text;
    EXPECT_EQ(*whole, message);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        const auto part = decode<Message>(ByteView(bytes).first(cut));
        ASSERT_FALSE(part) << "cut to " << cut;
        EXPECT_EQ(part.error().code, Errc::ProtocolViolation);
    }
    bytes.push_back(std::byte{'x'});
    const auto longer = decode<Message>(bytes);
    ASSERT_FALSE(longer);
    EXPECT_EQ(longer.error().code, Errc::ProtocolViolation);
}

const Address kIPv4{Address::Family::IPv4, 443, {std::byte{127}, {}, {}, std::byte{1}}};
const Address kIPv6{Address::Family::IPv6, 65'535, pattern<16>(0x20)};

TEST(Message, RoundTripsInBinaryAndHasOneLength) {
    expect_exact(Open{{7}, 0, 262'144, kIPv4, kIPv6});
    expect_exact(Open{{0xffff'ffff}, 255, UINT64_MAX, {}, kIPv4});
    expect_exact(Open{});
    expect_exact(Window{UINT64_MAX - 1});
    expect_exact(Ack{0x0102'0304'0506'0708, 1});
    expect_exact(Ping{42});
    expect_exact(Resume{pattern<16>(1), 3, 1'000, 2'000, pattern<32>(100)});
    expect_exact(Resumed{3, 1'000, 2'000, pattern<32>(100)});
}

TEST(Message, RoundTripsInJsonAndHasOneLength) {
    expect_exact(Hello{2, 3, {"datagram", "äöü"}, "diglett 0.1.0", 1'048'576, UINT64_MAX});
    expect_exact(Hello{});
    expect_exact(Login{pattern<32>(1), pattern<64>(60), pattern<16>(200), "se\"cr\\et\n\x01"});
    expect_exact(Welcome{pattern<16>(9), 60'000, "key:ab", 65'536, 16, {"sha256/AA=", "x"}});
    expect_exact(Register{"example", "tcp", true});
    expect_exact(Registered{"example", UINT64_MAX, "https://example.gateway.com", 35'185});
    expect_exact(Refused{RefusalCode::NameTaken, "held by somebody", 1'000});
    expect_exact(Refusal{RefusalCode::Restart, "back soon", 2'000, UINT32_MAX});
}

TEST(Message, LaysOutBinaryFieldsAsTheProtocolSays) {
    using std::string_view_literals::operator""sv;
    // Protocol 6.1
    EXPECT_EQ(as_text(encoded(Open{{1}, 0, 0x4'0000, kIPv4, {}})),
              "\0\0\0\1\0\0\0\0\0\0\4\0\0\4\x01\xbb\x7f\0\0\1\0\0\0"sv);
    EXPECT_EQ(as_text(encoded(Window{0x0102})), "\0\0\0\0\0\0\1\2"sv);                // 5.2
    EXPECT_EQ(as_text(encoded(Ack{1, 2})), "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"sv);     // 4.3
    EXPECT_EQ(as_text(encoded(Reset{ResetReason::SlowReader, "why"})), "\0\4why"sv);  // 6.5
    EXPECT_EQ(as_text(encoded(Refused{RefusalCode::Version, "no", 0})),               // 9.2
              "\0\5{\"text\":\"no\",\"retry_ms\":0}"sv);
}

TEST(Message, WritesMembersInTheOrderOfTheProtocol) {
    EXPECT_EQ(as_text(encoded(Hello{2, 2, {}, "diglett 0.1.0", 1'048'576, 262'144})),
              R"({"min_version":2,"max_version":2,"features":[],"software":"diglett 0.1.0",)"
              R"("link_limit":1048576,"stream_limit":262144})");
    EXPECT_EQ(as_text(encoded(Register{"example", "http", false})),
              R"({"name":"example","kind":"http","takeover":false})");
    EXPECT_EQ(as_text(encoded(Registered{"example", 1, "", 35'185})),
              R"({"name":"example","generation":1,"url":"","port":35185})");
    EXPECT_EQ(as_text(encoded(Refusal{RefusalCode::NameInUse, "x", 0, 0})),
              R"({"code":"name-in-use","text":"x","retry_ms":0,"deadline_ms":0})");
}

TEST(Message, RefusesAnUnknownAddressFamily) {
    for (const std::size_t family_at : {13U, 16U}) {
        auto bytes = encoded(Open{});
        for (unsigned family = 0; family < 256; ++family) {
            bytes[family_at] = static_cast<std::byte>(family);
            EXPECT_EQ(decode<Open>(bytes).has_value(), family == 0) << family;
        }
    }
}

TEST(Reset, CarriesAtMost200BytesOfText) {
    for (const auto size : {0U, 1U, 199U, 200U}) {
        const Reset reset{ResetReason::BackendRefused, std::string(size, 'x')};
        const auto decoded = decode<Reset>(encoded(reset));
        ASSERT_TRUE(decoded);
        EXPECT_EQ(*decoded, reset);
    }
    EXPECT_EQ(encoded(Reset{ResetReason::Aborted, std::string(300, 'x')}).size(), 202U);
    EXPECT_FALSE(decode<Reset>(ByteVector(203)));
    EXPECT_FALSE(decode<Reset>(ByteVector(1)));
    EXPECT_FALSE(decode<Reset>({}));
}

TEST(Reset, KnowsEveryReasonAndTakesOthersAsAborted) {
    for (unsigned number = 0; number <= 0xffff; ++number) {
        ByteVector bytes(2);
        store_be(static_cast<std::uint16_t>(number), bytes);
        const auto reset = decode<Reset>(bytes);
        ASSERT_TRUE(reset);
        EXPECT_EQ(static_cast<unsigned>(reset->reason), number <= 7 ? number : 0);
        EXPECT_EQ(to_string(reset->reason) == "aborted", number == 0 || number > 7);
    }
}

TEST(RefusalCode, HasAWordThatLeadsBackToIt) {
    for (unsigned number = 1; number <= 22; ++number) {
        const auto code = static_cast<RefusalCode>(number);
        EXPECT_EQ(refusal_code_from(to_string(code)), code);
    }
    EXPECT_EQ(refusal_code_from("not-invented-yet"), RefusalCode::Unknown);
    EXPECT_EQ(to_string(RefusalCode{23}), "unknown");
}

TEST(RefusalCode, OfALaterVersionReadsAsUnknown) {
    const auto refused = decode<Refused>(as_bytes("\x01\x01{}"));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, RefusalCode::Unknown);
    const auto refusal = decode<Refusal>(as_bytes(R"({"code":"too-sunny"})"));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->code, RefusalCode::Unknown);
}

TEST(RefusalCode, TellsTheAgentWhetherToTryAgain) {
    const struct {
        RefusalCode code;
        Errc errc;
        bool retry;
    } cases[] = {
        {RefusalCode::Credential, Errc::CredentialRefused, false},
        {RefusalCode::Expired, Errc::CredentialExpired, false},
        {RefusalCode::TryLater, Errc::TryLater, true},
        {RefusalCode::Undecided, Errc::Undecided, true},
        {RefusalCode::Version, Errc::UnsupportedVersion, true},
        {RefusalCode::Unknown, Errc::ConnectionLost, true},
        {RefusalCode::Replaced, Errc::NameReplaced, false},
        {RefusalCode::NameTaken, Errc::NameTaken, false},
        {RefusalCode::NameInUse, Errc::NameInUse, false},
        {RefusalCode::Restart, Errc::TryLater, true},
        {RefusalCode::Shutdown, Errc::TryLater, true},
        {RefusalCode::Protocol, Errc::ProtocolViolation, true},
    };

    for (const auto& row : cases) {
        EXPECT_EQ(errc_of(row.code), row.errc) << to_string(row.code);
        EXPECT_EQ(is_retryable(errc_of(row.code)), row.retry) << to_string(row.code);
    }
}

TEST(Refusal, ClipsItsTextToWhatMayTravel) {
    const std::string hostile = "\xff" + std::string(2'000, 'x');
    const auto refused = decode<Refused>(encoded(Refused{RefusalCode::Busy, hostile, 0}));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->text, "?" + std::string(kMaxRefusalTextBytes - 1, 'x'));
    const auto refusal = decode<Refusal>(encoded(Refusal{RefusalCode::Busy, hostile, 0, 0}));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->text, refused->text);
}

/// (protocol 9.3)
TEST(Refusal, BoundsTheTimeInWhichItsSenderMayStay) {
    using namespace std::chrono_literals;
    EXPECT_EQ(leave_time(Refusal{}), 32s);
    EXPECT_EQ(leave_time(Refusal{.text = {}, .deadline_ms = 500}), 2'500ms);
    EXPECT_EQ(leave_time(Refusal{.text = {}, .deadline_ms = 4'294'967'295}), 3'602s);
}

}  // namespace
}  // namespace diglett::wire
