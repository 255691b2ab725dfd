#include "mux/opening.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace diglett::mux {
namespace {

using wire::FrameKind;
using Kinds = std::vector<FrameKind>;

const Kinds kAll{
    FrameKind::Ok,      FrameKind::Error,      FrameKind::Register, FrameKind::FinishRegister,
    FrameKind::Data,    FrameKind::End,        FrameKind::Login,    FrameKind::Hello,
    FrameKind::Welcome, FrameKind::Unregister, FrameKind::Open,     FrameKind::Window,
    FrameKind::Reset,   FrameKind::Ack,        FrameKind::Ping,     FrameKind::Pong,
    FrameKind::GoAway,  FrameKind::Join,       FrameKind::Resume,   FrameKind::Resumed,
    FrameKind::Refused, FrameKind::Terminate};

/// One row of the table of protocol 2.2: after `history` exactly `admitted` may come.
struct Row {
    const char* stage;
    Role own;
    Kinds history;
    Kinds admitted;
};

const std::vector<Row> kRows{
    {"a silent agent", Role::Gateway, {}, {FrameKind::Hello}},
    {"an agent after its Hello",
     Role::Gateway,
     {FrameKind::Hello},
     {FrameKind::Login, FrameKind::Join, FrameKind::Resume, FrameKind::Ack, FrameKind::Ping,
      FrameKind::Pong, FrameKind::GoAway}},
    {"an agent after its Login",
     Role::Gateway,
     {FrameKind::Hello, FrameKind::Login},
     {FrameKind::Register, FrameKind::Unregister, FrameKind::FinishRegister, FrameKind::Ack,
      FrameKind::Ping, FrameKind::Pong, FrameKind::GoAway}},
    {"an agent after its FinishRegister",
     Role::Gateway,
     {FrameKind::Hello, FrameKind::Login, FrameKind::Register, FrameKind::FinishRegister},
     {FrameKind::Register, FrameKind::Unregister, FrameKind::Data, FrameKind::Window,
      FrameKind::End, FrameKind::Reset, FrameKind::Ack, FrameKind::Ping, FrameKind::Pong,
      FrameKind::GoAway}},
    {"an agent after its Resume", Role::Gateway, {FrameKind::Hello, FrameKind::Resume}, {}},
    {"a silent gateway", Role::Agent, {}, {FrameKind::Hello}},
    {"a gateway after its Hello",
     Role::Agent,
     {FrameKind::Hello},
     {FrameKind::Welcome, FrameKind::Refused, FrameKind::Ack, FrameKind::Ping, FrameKind::Pong,
      FrameKind::GoAway}},
    {"a gateway after its Welcome",
     Role::Agent,
     {FrameKind::Hello, FrameKind::Welcome},
     {FrameKind::Ok, FrameKind::Error, FrameKind::Open, FrameKind::Data, FrameKind::Window,
      FrameKind::End, FrameKind::Reset, FrameKind::Refused, FrameKind::Ack, FrameKind::Ping,
      FrameKind::Pong, FrameKind::GoAway}},
    {"a gateway after its Refused", Role::Agent, {FrameKind::Hello, FrameKind::Refused}, {}},
};

Opening opening_after(const Row& row) {
    Opening opening(row.own);
    opening.on_sent(FrameKind::FinishRegister);
    for (const FrameKind kind : row.history) {
        EXPECT_TRUE(opening.admit(kind, 0)) << row.stage;
    }
    return opening;
}

TEST(Opening, AdmitsEachKindInItsStagesOnly) {
    for (const Row& row : kRows) {
        for (const FrameKind kind : kAll) {
            Opening opening = opening_after(row);
            const bool is_listed =
                std::find(row.admitted.begin(), row.admitted.end(), kind) != row.admitted.end();
            EXPECT_EQ(opening.admit(kind, 0).has_value(), is_listed)
                << wire::to_string(kind) << " from " << row.stage;
        }
    }
}

TEST(Opening, RefusesAnOpenBeforeTheAgentHasFinishedRegistering) {
    Opening opening(Role::Agent);
    EXPECT_TRUE(opening.admit(FrameKind::Hello, 0));
    EXPECT_TRUE(opening.admit(FrameKind::Welcome, 0));
    EXPECT_FALSE(opening.admit(FrameKind::Open, 1));
    opening.on_sent(FrameKind::FinishRegister);
    EXPECT_TRUE(opening.admit(FrameKind::Open, 1));
}

TEST(Opening, RefusesAnIdWhereThereIsNone) {
    Opening opening(Role::Agent);
    const Status status = opening.admit(FrameKind::Hello, 1);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::ProtocolViolation);
    EXPECT_TRUE(opening.admit(FrameKind::Hello, 0));
    EXPECT_FALSE(opening.admit(FrameKind::Ping, 7));
    EXPECT_TRUE(opening.admit(FrameKind::Welcome, 0));
    EXPECT_TRUE(opening.admit(FrameKind::Ok, 7));
}

TEST(Opening, KnowsTheLastWordOfEachEnd) {
    Opening agent(Role::Agent);
    EXPECT_EQ(agent.last_word(), std::nullopt);
    agent.on_sent(FrameKind::Hello);
    EXPECT_EQ(agent.last_word(), FrameKind::GoAway);

    Opening gateway(Role::Gateway);
    EXPECT_EQ(gateway.last_word(), std::nullopt);
    gateway.on_sent(FrameKind::Hello);
    EXPECT_EQ(gateway.last_word(), FrameKind::Refused);
    gateway.on_sent(FrameKind::Welcome);
    EXPECT_EQ(gateway.last_word(), FrameKind::GoAway);
    EXPECT_FALSE(gateway.has_refused());
    gateway.on_sent(FrameKind::Refused);
    EXPECT_EQ(gateway.last_word(), std::nullopt);
    EXPECT_TRUE(gateway.has_refused());
}

}  // namespace
}  // namespace diglett::mux
