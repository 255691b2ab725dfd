// NameService: how a claimed name becomes public and private again.
#include <chrono>

#include <gmock/gmock.h>

#include "test/support/blocking_socket.hpp"
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
    const auto url = publish(1, 1);
    ASSERT_TRUE(url) << text_of(url);
    EXPECT_EQ(url->url, "https://blog.example");
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
}

TEST_F(NameServicePublish, ReleaseAndFarewellMakeItPrivateAgain) {
    ASSERT_TRUE(publish(1, 1));
    names_.release(1, {2});
    EXPECT_THAT(plugs_.published, ElementsAre("blog 1"));
    names_.release(1, {1});
    EXPECT_THAT(plugs_.published, IsEmpty());
    ASSERT_TRUE(serve(1, 2, "blog"));
    names_.farewell(1);
    EXPECT_THAT(plugs_.published, IsEmpty());
    EXPECT_EQ(code_of(claim(1, 3, "blog")), Code::Unknown) << "it is leaving";
    names_.leave(1);
    EXPECT_TRUE(claim(2, 1, "blog"));
}

TEST_F(NameServicePublish, GivesTheSamePortAgain) {
    const auto claimed = claim(1, 2, "shop");
    ASSERT_TRUE(claimed && publish(1, 2));
    const auto port = claimed->port->number();
    EXPECT_EQ(plugs_.ports.at("shop"), port);
    names_.release(1, {2});
    ASSERT_TRUE(claim(1, 3, "another"));
    const auto again = claim(2, 1, "shop");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->port->number(), port);
}

TEST_F(NameServicePublish, ListensWhileItIsPublicAndRefusesAfterwards) {
    const auto port = [&] {
        const auto claimed = claim(1, 2, "shop");
        return claimed->port;
    }();
    EXPECT_FALSE(port->is_listening());
    ASSERT_TRUE(publish(1, 2));
    EXPECT_TRUE(port->is_listening());
    EXPECT_NO_THROW(std::ignore = test::connect_to(port->number()));
    names_.release(1, {2});
    EXPECT_FALSE(port->is_listening());
    EXPECT_THROW(std::ignore = test::connect_to(port->number()), std::runtime_error);
}

TEST_F(NameServicePublish, ThePortRestsOnlyWhenTheRegistrarHasLetItGo) {
    const auto port = claim(1, 2, "shop")->port->number();
    ASSERT_TRUE(publish(1, 2));
    const auto held = ports_.bound_count();
    names_.release(1, {2});
    ports_.free_rested(Clock::now() + std::chrono::minutes(9));
    EXPECT_EQ(ports_.bound_count(), held);
    ports_.free_rested(Clock::now() + std::chrono::minutes(11));
    EXPECT_EQ(ports_.bound_count(), held - 1);
    EXPECT_EQ(claim(2, 1, "shop")->port->number(), port) << "the lease remembers it";
}

TEST_F(NameServicePublish, FreesTheNameWhenTheRegistrarFails) {
    for (const Errc code : {Errc::IoFailed, Errc::NameNotAllowed, Errc::NameReplaced}) {
        plugs_.registrar_error = Error{code, "the registrar's words"};
        const auto refused = publish(1, 1);
        EXPECT_EQ(code_of(refused), Code::TryLater) << "never an end";
        EXPECT_EQ(refused.error().retry_ms, 2'000U);
        EXPECT_THAT(text_of(refused), HasSubstr("the registrar's words"));
        ASSERT_TRUE(claim(1, 1, "blog"));
    }
    names_.release(1, {1});
    plugs_.registrar_error.reset();
    EXPECT_TRUE(claim(2, 1, "blog"));
    EXPECT_EQ(session(1).probes, 0);
    EXPECT_TRUE(publish(2, 1));
    EXPECT_EQ(code_of(publish(1, 1)), Code::Unknown);
}

TEST_F(NameServicePublish, RefusesWhatIsNotClaimed) {
    EXPECT_EQ(code_of(publish(1, 2)), Code::Unknown);
    EXPECT_EQ(code_of(publish(3, 1)), Code::Unknown);
}

TEST_F(NameServicePublish, UndoesItForASessionThatWentMeanwhile) {
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        names_.leave(1);
        co_return;
    };
    EXPECT_EQ(code_of(publish(1, 1)), Code::Unknown);
    EXPECT_THAT(plugs_.published, IsEmpty());
}

TEST_F(NameServicePublish, UndoesItForANameThatChangedHandsMeanwhile) {
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        auto claiming = names_.claim(2, {1}, {.name = "blog", .takeover = true});
        std::ignore = co_await std::move(claiming);
        auto publishing = names_.publish(2, {1});
        std::ignore = co_await std::move(publishing);
    };
    EXPECT_EQ(code_of(publish(1, 1)), Code::Unknown);
    EXPECT_THAT(plugs_.published, ElementsAre("blog 2"));
}

TEST_F(NameServicePublish, UndoesItForARegistrationThatWasMadeAnewMeanwhile) {
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        names_.release(1, {1});
        auto claiming = names_.claim(1, {2}, {.name = "blog"});
        std::ignore = co_await std::move(claiming);
    };
    EXPECT_EQ(code_of(publish(1, 1)), Code::Unknown);
    EXPECT_THAT(plugs_.published, IsEmpty());
    EXPECT_TRUE(publish(1, 2));
    EXPECT_THAT(plugs_.published, ElementsAre("blog 2"));
}

TEST_F(NameServicePublish, AFailureDoesNotFreeANameThatChangedHandsMeanwhile) {
    plugs_.registrar_error = Error{Errc::IoFailed, "no"};
    plugs_.during_register = [&]() -> net::Awaitable<void> {
        auto claiming = names_.claim(2, {1}, {.name = "blog", .takeover = true});
        std::ignore = co_await std::move(claiming);
    };
    EXPECT_EQ(code_of(publish(1, 1)), Code::TryLater);
    plugs_.registrar_error.reset();
    EXPECT_TRUE(publish(2, 1));
}

}  // namespace
}  // namespace diglett::gateway
