// Which gateway an agent accepts. (protocol 10.2, 10.3)
#include "agent/gateway_trust.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/log_capture.hpp"
#include "test/support/temporary_directory.hpp"

namespace diglett::agent {
namespace {

using testing::HasSubstr;

const std::string kGateway = "example.com:20000";

crypto::Pin pin_of(unsigned char byte) {
    crypto::Pin pin;
    pin.sha256.fill(std::byte{byte});
    return pin;
}

const crypto::Pin kShown = pin_of(1);
const crypto::Pin kOther = pin_of(2);

/// The world as it is when the gateway shows kShown.
struct Case {
    const char* what;
    std::vector<crypto::Pin> pins{};
    bool has_ca = false;
    std::optional<crypto::Pin> known{};
    bool verified = false;
    bool loopback = false;
    bool credential = false;
    bool tofu = false;
    std::optional<bool> answer{};  ///< Of the person at the terminal; none without one.
    std::optional<Errc> error{};
    bool kept = false;   ///< Whether the shown key is known afterwards.
    bool asked = false;  ///< Whether the person was asked.
};

TEST(GatewayTrust, DecidesInTheOrderOfTheProtocol) {
    const Case cases[] = {
        {.what = "a pin that fits", .pins = {kOther, kShown}},
        {.what = "a pin goes before all else",
         .pins = {kShown},
         .has_ca = true,
         .known = kOther,
         .credential = true},
        {.what = "a pin that does not fit",
         .pins = {kOther},
         .has_ca = true,
         .known = kShown,
         .verified = true,
         .error = Errc::GatewayKeyChanged,
         .kept = true},
        {.what = "a pin that does not fit, on loopback",
         .pins = {kOther},
         .loopback = true,
         .error = Errc::GatewayKeyChanged},
        {.what = "a CA that vouches", .has_ca = true, .verified = true, .credential = true},
        {.what = "a CA goes before the known key",
         .has_ca = true,
         .known = kOther,
         .verified = true},
        {.what = "a CA that does not vouch",
         .has_ca = true,
         .known = kShown,
         .loopback = true,
         .tofu = true,
         .error = Errc::GatewayUntrusted,
         .kept = true},
        {.what = "the known key", .known = kShown, .credential = true, .kept = true},
        {.what = "another key than the known one",
         .known = kOther,
         .verified = true,
         .loopback = true,
         .tofu = true,
         .answer = true,
         .error = Errc::GatewayKeyChanged},
        {.what = "the public roots", .verified = true, .credential = true},
        {.what = "first use, nothing to lose", .kept = true},
        {.what = "first use on loopback", .loopback = true, .credential = true, .kept = true},
        {.what = "first use with --tofu", .credential = true, .tofu = true, .kept = true},
        {.what = "first use, agreed",
         .credential = true,
         .answer = true,
         .kept = true,
         .asked = true},
        {.what = "first use, not agreed",
         .credential = true,
         .answer = false,
         .error = Errc::GatewayUntrusted,
         .asked = true},
        {.what = "first use, nobody to ask", .credential = true, .error = Errc::GatewayUntrusted},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.what);
        auto known = KnownGateways::load(nullptr).value();
        if (one.known) {
            ASSERT_TRUE(known.add(kGateway, *one.known));
        }
        bool asked = false;
        std::function<bool(const std::string&, const std::string&)> ask;
        if (one.answer) {
            ask = [&](const std::string& gateway, const std::string& pin) {
                asked = gateway == kGateway && pin == kShown.to_text();
                return *one.answer;
            };
        }
        GatewayTrust trust({.pins = one.pins, .has_ca = one.has_ca, .tofu = one.tofu}, known, ask,
                           {});
        const auto decided = trust.decide(
            kGateway, one.loopback, one.credential,
            {.pin = kShown, .verified_by_ca = one.verified, .ca_error = "self-signed"});
        EXPECT_EQ(decided ? std::nullopt : std::optional(decided.error().code), one.error);
        EXPECT_EQ(known.find(kGateway) == kShown, one.kept);
        EXPECT_EQ(asked, one.asked);
    }
}

TEST(GatewayTrust, NamesBothKeysAndTheLineToDelete) {
    const test::TemporaryDirectory directory;
    const auto state = StateDir::open(directory.path(), "agent").value();
    auto known = KnownGateways::load(&state).value();
    ASSERT_TRUE(known.add(kGateway, kOther));
    GatewayTrust trust({}, known, {}, {});
    const auto decided = trust.decide(kGateway, true, true, {.pin = kShown, .ca_error = ""});
    ASSERT_FALSE(decided);
    const auto& text = decided.error().text;
    EXPECT_THAT(text, HasSubstr("known " + kOther.to_text()));
    EXPECT_THAT(text, HasSubstr("shown " + kShown.to_text()));
    EXPECT_THAT(text, HasSubstr("'" + kGateway + " " + kOther.to_text() + "'"));
    EXPECT_THAT(text, HasSubstr(state.file("known_gateways").string()));
}

TEST(GatewayTrust, ShowsTheKeyOfAGatewayMetForTheFirstTime) {
    const test::LogCapture log;
    auto known = KnownGateways::load(nullptr).value();
    GatewayTrust trust({}, known, {}, log.logger());
    ASSERT_TRUE(trust.decide(kGateway, false, false, {.pin = kShown, .ca_error = ""}));
    EXPECT_EQ(log.count(kShown.to_text()), 1U);
    ASSERT_TRUE(trust.decide(kGateway, false, true, {.pin = kShown, .ca_error = ""}));
    EXPECT_EQ(log.count(kShown.to_text()), 1U) << "once";
}

TEST(GatewayTrust, SaysHowToTrustAGatewayThatItDoesNot) {
    auto known = KnownGateways::load(nullptr).value();
    GatewayTrust trust({}, known, {}, {});
    const auto decided = trust.decide(kGateway, false, true, {.pin = kShown, .ca_error = ""});
    ASSERT_FALSE(decided);
    EXPECT_THAT(decided.error().text, HasSubstr("--pin " + kShown.to_text()));
    EXPECT_THAT(decided.error().text, HasSubstr("--tofu"));
    EXPECT_THAT(decided.error().text, HasSubstr("no credential was sent"));
}

TEST(GatewayTrust, RefusesAKeyThatAnotherAgentLearntDifferently) {
    const test::TemporaryDirectory directory;
    const auto state = StateDir::open(directory.path(), "agent").value();
    auto known = KnownGateways::load(&state).value();
    auto of_another_agent = KnownGateways::load(&state).value();
    ASSERT_TRUE(of_another_agent.add(kGateway, kOther));
    GatewayTrust trust({}, known, {}, {});
    const auto decided = trust.decide(kGateway, true, true, {.pin = kShown, .ca_error = ""});
    ASSERT_FALSE(decided);
    EXPECT_EQ(decided.error().code, Errc::GatewayKeyChanged);
    EXPECT_THAT(decided.error().text, HasSubstr("known " + kOther.to_text()));
}

/// Another agent holds the folder's lock for longer than anybody waits.
TEST(GatewayTrust, GoesOnInMemoryWithOneWarningWhenNothingCanBeKept) {
    const test::TemporaryDirectory directory;
    const auto state = StateDir::open(directory.path(), "agent").value();
    auto known = KnownGateways::load(&state).value();
    const auto lock = state.lock();
    ASSERT_TRUE(lock);
    const test::LogCapture log;
    GatewayTrust trust({.pins = {}, .has_ca = false, .tofu = true}, known, {}, log.logger());
    EXPECT_TRUE(trust.decide(kGateway, false, true, {.pin = kShown, .ca_error = ""}));
    EXPECT_EQ(known.find(kGateway), kShown);
    ASSERT_EQ(log.lines().size(), 1U);
    EXPECT_THAT(log.lines()[0], HasSubstr(kShown.to_text()));
    EXPECT_THAT(log.lines()[0], HasSubstr("could not be kept"));
    EXPECT_FALSE(trust.decide(kGateway, false, true, {.pin = kOther, .ca_error = ""}));
    EXPECT_FALSE(KnownGateways::load(&state)->find(kGateway));
}

TEST(GatewayTrust, KeepsAKeyLaterThatCouldNotBeKeptAtFirst) {
    const test::TemporaryDirectory directory;
    const auto state = StateDir::open(directory.path(), "agent").value();
    auto known = KnownGateways::load(&state).value();
    auto lock = std::optional(state.lock());
    ASSERT_TRUE(*lock);
    const test::LogCapture log;
    GatewayTrust trust({}, known, {}, log.logger());
    const crypto::PeerIdentity shown{.pin = kShown, .ca_error = ""};
    EXPECT_TRUE(trust.decide(kGateway, true, true, shown));
    EXPECT_FALSE(KnownGateways::load(&state)->find(kGateway));
    lock.reset();
    EXPECT_TRUE(trust.decide(kGateway, true, true, shown));
    EXPECT_EQ(KnownGateways::load(&state)->find(kGateway), kShown);
    EXPECT_TRUE(trust.decide(kGateway, true, true, shown));
    EXPECT_EQ(log.count("is kept in"), 1U);
}

}  // namespace
}  // namespace diglett::agent
