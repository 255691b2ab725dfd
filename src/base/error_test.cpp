#include "base/error.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/result.hpp"

namespace diglett {
namespace {

TEST(Error, ShowsItsStableCode) {
    EXPECT_EQ(dig_code(Errc::InvalidUsage), "DIG-1001");
    EXPECT_EQ(dig_code(Errc::NameTaken), "DIG-4003");
    EXPECT_EQ(dig_code(Errc::Internal), "DIG-9001");
}

TEST(Error, GivesTheExitCodeOfItsKind) {
    struct Case {
        Errc code;
        int expected;
    };

    const std::vector<Case> cases{
        {Errc::InvalidUsage, 2},       {Errc::InvalidConfig, 3},
        {Errc::UnreadableFile, 3},     {Errc::AddressInUse, 3},
        {Errc::StateDirLocked, 3},     {Errc::CorruptState, 3},
        {Errc::WeakFileMode, 3},       {Errc::DiskFull, 3},
        {Errc::GatewayUnreachable, 4}, {Errc::ConnectionLost, 4},
        {Errc::TimedOut, 4},           {Errc::LimitReached, 4},
        {Errc::Undecided, 4},          {Errc::ProtocolViolation, 4},
        {Errc::UnsupportedVersion, 4}, {Errc::FlowControlViolation, 4},
        {Errc::TlsFailed, 4},          {Errc::TooMuchNoise, 4},
        {Errc::GatewayKeyChanged, 5},  {Errc::GatewayUntrusted, 5},
        {Errc::CredentialRefused, 5},  {Errc::CredentialExpired, 5},
        {Errc::CredentialMissing, 5},  {Errc::NameInvalid, 6},
        {Errc::NameReserved, 6},       {Errc::NameTaken, 6},
        {Errc::NameInUse, 6},          {Errc::NameNotAllowed, 6},
        {Errc::NameReplaced, 6},       {Errc::NameRevoked, 6},
        {Errc::TooManyNames, 6},       {Errc::IoFailed, 1},
        {Errc::Internal, 1},
    };
    for (const auto& [code, expected] : cases) {
        EXPECT_EQ(exit_code(code), expected) << dig_code(code);
    }
}

TEST(Error, RetriesOnlyWhatTimeCanMend) {
    for (const auto code : {Errc::GatewayUnreachable, Errc::ConnectionLost, Errc::TimedOut,
                            Errc::TryLater, Errc::Undecided, Errc::ProtocolViolation}) {
        EXPECT_TRUE(is_retryable(code)) << dig_code(code);
    }
    for (const auto code : {Errc::InvalidConfig, Errc::GatewayKeyChanged, Errc::CredentialRefused,
                            Errc::NameTaken, Errc::Internal, Errc::Cancelled}) {
        EXPECT_FALSE(is_retryable(code)) << dig_code(code);
    }
}

TEST(Result, HandsAnErrorUpwardUnchanged) {
    const Result<int> failed = fail(Errc::DiskFull, "no room");
    const Status upward = forward_error(failed);
    ASSERT_FALSE(upward);
    EXPECT_EQ(upward.error(), (Error{Errc::DiskFull, "no room"}));
}

}  // namespace
}  // namespace diglett
