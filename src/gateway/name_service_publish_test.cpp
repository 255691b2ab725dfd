// NameService: how a claimed name becomes public and private again.
#include <chrono>

#include <gmock/gmock.h>

#include "test/support/name_service_fixture.hpp"

namespace diglett::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class NameServicePublish : public test::NameServiceTest {
  protected:
    void SetUp() override { two_agents_of_alice(); }
};

TEST_F(NameServicePublish, GivesTheUrlAndKeepsTheNamePublic) {
    const auto url = publish(1, 1, 4321);
    ASSERT_TRUE(url) << text_of(url);
    EXPECT_EQ(*url, "https://blog.example");
    EXPECT_THAT(plugs_.published, ElementsAre("blog 4321 1"));
}

TEST_F(NameServicePublish, ReleaseAndLeaveMakeItPrivateAgain) {
    ASSERT_TRUE(publish(1, 1, 4321));
    names_.release(1, {2});
    EXPECT_THAT(plugs_.published, ElementsAre("blog 4321 1"));
    names_.release(1, {1});
    EXPECT_THAT(plugs_.published, IsEmpty());
    ASSERT_TRUE(claim(1, 2, "blog"));
    ASSERT_TRUE(publish(1, 2, 4321));
    names_.leave(1);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

TEST_F(NameServicePublish, RemembersThePort) {
    ASSERT_TRUE(publish(1, 1, 4321));
    names_.leave(1);
    const auto again = claim(2, 1, "blog");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->last_port, 4321);
}

TEST_F(NameServicePublish, FreesTheNameWhenTheRegistrarFails) {
    plugs_.registrar_error = Error{Errc::IoFailed, "the registrar's words"};
    const auto refused = publish(1, 1, 80);
    EXPECT_EQ(code_of(refused), Code::TryLater);
    EXPECT_GT(refused.error().retry_ms, 0U);
    EXPECT_THAT(text_of(refused), HasSubstr("the registrar's words"));
    plugs_.registrar_error.reset();
    EXPECT_TRUE(claim(2, 1, "blog"));
    EXPECT_EQ(session(1).probes, 0);
    EXPECT_TRUE(publish(2, 1, 81));
    EXPECT_EQ(code_of(publish(1, 1, 80)), Code::Unknown);
}

TEST_F(NameServicePublish, RefusesWhatIsNotClaimed) {
    EXPECT_EQ(code_of(publish(1, 2, 80)), Code::Unknown);
    EXPECT_EQ(code_of(publish(3, 1, 80)), Code::Unknown);
}

TEST_F(NameServicePublish, UndoesItForASessionThatWentMeanwhile) {
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        names_.leave(1);
        co_return;
    };
    EXPECT_EQ(code_of(publish(1, 1, 80)), Code::Unknown);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

TEST_F(NameServicePublish, UndoesItForANameThatChangedHandsMeanwhile) {
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        auto claiming = names_.claim(2, {1}, {.name = "blog", .takeover = true});
        std::ignore = co_await std::move(claiming);
        auto publishing = names_.publish(2, {1}, 81);
        std::ignore = co_await std::move(publishing);
    };
    EXPECT_EQ(code_of(publish(1, 1, 80)), Code::Unknown);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 81 2"));
}

TEST_F(NameServicePublish, UndoesItForARegistrationThatWasMadeAnewMeanwhile) {
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        names_.release(1, {1});
        auto claiming = names_.claim(1, {2}, {.name = "blog"});
        std::ignore = co_await std::move(claiming);
    };
    EXPECT_EQ(code_of(publish(1, 1, 80)), Code::Unknown);
    EXPECT_THAT(plugs_.published, IsEmpty());
    EXPECT_TRUE(publish(1, 2, 82));
    EXPECT_THAT(plugs_.published, ElementsAre("blog 82 2"));
}

TEST_F(NameServicePublish, AFailureDoesNotFreeANameThatChangedHandsMeanwhile) {
    plugs_.registrar_error = Error{Errc::IoFailed, "no"};
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        auto claiming = names_.claim(2, {1}, {.name = "blog", .takeover = true});
        std::ignore = co_await std::move(claiming);
    };
    EXPECT_EQ(code_of(publish(1, 1, 80)), Code::TryLater);
    plugs_.registrar_error.reset();
    EXPECT_TRUE(publish(2, 1, 81));
}

}  // namespace
}  // namespace diglett::gateway
