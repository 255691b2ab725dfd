#include "routing/name.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace diglett::routing {
namespace {

using namespace std::string_literals;

Errc code_of(const Status& status) {
    return status ? Errc{} : status.error().code;
}

TEST(NameGrammar, AcceptsLabels) {
    for (const auto& name : {"a"s, "7"s, "example"s, "a-b"s, "a--b"s, "0-9"s, "xn--abc"s,
                             std::string(63, 'x'), "a" + std::string(61, '-') + "b"}) {
        EXPECT_TRUE(check_name_grammar(name)) << name;
    }
}

TEST(NameGrammar, RefusesEverythingElse) {
    const std::vector<std::string> hostile{"",
                                           "-",
                                           "-a",
                                           "a-",
                                           "A",
                                           "eXample",
                                           "a.b",
                                           "a_b",
                                           "a b",
                                           " a",
                                           "a ",
                                           "a\n",
                                           "a\0b"s,
                                           "../x",
                                           "a/b",
                                           "a\\b",
                                           "a`b",
                                           "{{env}}",
                                           "caf\xc3\xa9",
                                           "\xff",
                                           "a\x7f",
                                           "*",
                                           "a'b",
                                           "a\"b",
                                           "a%00",
                                           "register domain 'forged' -> '1'",
                                           "a:b",
                                           "@",
                                           std::string(64, 'x'),
                                           std::string(65'535, 'x'),
                                           std::string(30'000, '-')};
    for (const auto& name : hostile) {
        const auto refused = check_name_grammar(name);
        EXPECT_EQ(code_of(refused), Errc::NameInvalid) << name;
        // The words go to logs and to the agent.
        EXPECT_LT(refused.error().text.size(), 400U);
        EXPECT_EQ(refused.error().text.find('\n'), std::string::npos);
    }
}

TEST(NameGrammar, TellsEveryByteApart) {
    for (int byte = 0; byte < 256; ++byte) {
        const auto c = static_cast<char>(byte);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        EXPECT_EQ(check_name_grammar(std::string(1, c)).has_value(), letter) << byte;
        EXPECT_EQ(check_name_grammar(std::string("a") + c + "b").has_value(), letter || c == '-')
            << byte;
    }
}

TEST(NamePolicy, RefusesReservedNames) {
    const NamePolicy policy;
    for (const auto* name :
         {"www",          "api",        "admin",      "mail",       "localhost", "wpad",
          "autodiscover", "autoconfig", "mta-sts",    "isatap",     "ns",        "ns1",
          "ns27",         "dns2",       "smtp",       "smtp1",      "imap",      "pop",
          "pop3",         "ftp",        "webmail",    "mx",         "mx10",      "www2",
          "gateway",      "diglett",    "hostmaster", "postmaster", "webmaster", "administrator",
          "root",         "abuse",      "security",   "login",      "proxy",     "xn--abc",
          "ab--c"}) {
        EXPECT_EQ(code_of(policy.check(name)), Errc::NameReserved) << name;
    }
}

TEST(NamePolicy, LeavesEverydayNamesFree) {
    const NamePolicy policy;
    for (const auto* name : {"example", "blog", "shop", "demo", "app", "dev", "nsx", "mailbox",
                             "ns1a", "www-old", "a--b", "apis", "web1", "abc--d", "a", "7"}) {
        EXPECT_TRUE(policy.check(name)) << name;
    }
}

TEST(NamePolicy, RefusesBadGrammarBeforeAnythingElse) {
    EXPECT_EQ(code_of(NamePolicy().check("WWW")), Errc::NameInvalid);
}

TEST(NamePolicy, AllowsWhatTheOperatorAllows) {
    const auto policy = NamePolicy::create({"www", "xn--abc"});
    ASSERT_TRUE(policy);
    EXPECT_TRUE(policy->check("www"));
    EXPECT_TRUE(policy->check("xn--abc"));
    EXPECT_EQ(code_of(policy->check("xn--abd")), Errc::NameReserved);
    EXPECT_EQ(code_of(policy->check("mail")), Errc::NameReserved);
}

TEST(NamePolicy, LeavesEncodedNamesAloneFreeWhereNamesAreSold) {
    const NamePolicy policy;
    EXPECT_TRUE(policy.check("xn--bcher-kva", EncodedNames::Free));
    EXPECT_TRUE(policy.check("ab--c", EncodedNames::Free));
    EXPECT_EQ(code_of(policy.check("www", EncodedNames::Free)), Errc::NameReserved);
    EXPECT_EQ(code_of(policy.check("ns1", EncodedNames::Free)), Errc::NameReserved);
    EXPECT_EQ(code_of(policy.check("xn--abc-", EncodedNames::Free)), Errc::NameInvalid);
}

TEST(NamePolicy, RefusesToAllowWhatIsNoName) {
    const auto policy = NamePolicy::create({"www", "Bad_Name"});
    ASSERT_FALSE(policy);
    EXPECT_EQ(policy.error().code, Errc::InvalidConfig);
    EXPECT_THAT(policy.error().text, testing::HasSubstr("'Bad_Name'"));
}

}  // namespace
}  // namespace diglett::routing
