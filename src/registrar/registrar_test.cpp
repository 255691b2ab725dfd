#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/sleep.hpp"
#include "registrar/log_registrar.hpp"
#include "registrar/registrar_set.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::registrar {
namespace {

using namespace std::chrono_literals;

Request request_for(std::string name) {
    return {.name = std::move(name), .generation = {7}, .kind = "http", .local_port = 35'185};
}

TEST(LogRegistrar, SaysWhatIsRegisteredAndThatItEnds) {
    const test::LogCapture log;
    LogRegistrar registrar(log.logger(LogLevel::Info));
    auto registration =
        test::run_coroutine(registrar.register_name(request_for("example"), kNever));
    ASSERT_TRUE(registration);
    EXPECT_EQ((*registration)->url(), "");
    EXPECT_EQ(log.lines(), (std::vector<std::string>{"register domain 'example' -> '35185'"}));
    registration->reset();
    EXPECT_EQ(log.lines(), (std::vector<std::string>{"register domain 'example' -> '35185'",
                                                     "unregister domain 'example'"}));
}

TEST(LogRegistrar, SaysNothingOfTheEndOfAnOlderGeneration) {
    const test::LogCapture log;
    LogRegistrar registrar(log.logger(LogLevel::Info));
    auto older = test::run_coroutine(registrar.register_name(request_for("example"), kNever));
    auto newer = test::run_coroutine(registrar.register_name(request_for("example"), kNever));
    auto other = test::run_coroutine(registrar.register_name(request_for("other"), kNever));
    ASSERT_TRUE(older && newer && other);
    older->reset();
    EXPECT_EQ(log.count("unregister"), 0U);
    newer->reset();
    EXPECT_EQ(log.count("unregister domain 'example'"), 1U);
    EXPECT_EQ(log.count("unregister"), 1U);
}

TEST(LogRegistrar, TellsOfAnyKindThatTheProtocolKnows) {
    LogRegistrar registrar{Logger()};
    EXPECT_TRUE(registrar.publishes("http"));
    EXPECT_TRUE(registrar.publishes("tls"));
    EXPECT_FALSE(registrar.publishes("carrier-pigeon"));
}

/// Writes what it does into a history.
class FakeRegistrar final : public Registrar {
  public:
    FakeRegistrar(std::string name, std::vector<std::string>& history, std::string url = {},
                  bool works = true)
        : works(works), name_(std::move(name)), history_(history), url_(std::move(url)) {}

    bool works;
    bool hangs = false;  ///< Answers after its deadline, if it is let.
    int asked = 0;
    bool takes_tls = true;

    std::string_view name() const override { return name_; }

    bool publishes(std::string_view kind) const override { return kind == "http" || takes_tls; }

    net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(Request request,
                                                                        TimePoint) override {
        ++asked;
        if (hangs) {
            history_.push_back("?" + name_ + " " + request.name);
            co_await net::sleep_until(Clock::now() + 5s);
        }
        if (!works) {
            co_return fail(Errc::DiskFull, "no room");
        }
        history_.push_back("+" + name_ + " " + request.name);
        co_return std::make_unique<Handle>(*this, request.name);
    }

  private:
    class Handle final : public Registration {
      public:
        Handle(const FakeRegistrar& owner, const std::string& name)
            : history_(owner.history_), what_(owner.name_ + " " + name), url_(owner.url_) {}

        ~Handle() override { history_.push_back("-" + what_); }

        std::string url() const override { return url_; }

      private:
        std::vector<std::string>& history_;
        std::string what_;
        std::string url_;
    };

    std::string name_;
    std::vector<std::string>& history_;
    std::string url_;
};

template <class... Members>
RegistrarSet set_of(Members... members) {
    std::vector<std::unique_ptr<Registrar>> all;
    (all.push_back(std::move(members)), ...);
    return RegistrarSet(std::move(all));
}

TEST(RegistrarSet, RegistersWithAllAndUndoesInReverse) {
    std::vector<std::string> history;
    auto set = set_of(std::make_unique<FakeRegistrar>("a", history),
                      std::make_unique<FakeRegistrar>("b", history, "https://first"),
                      std::make_unique<FakeRegistrar>("c", history, "https://second"));
    auto registration = test::run_coroutine(set.register_name(request_for("n"), kNever));
    ASSERT_TRUE(registration);
    EXPECT_EQ(history, (std::vector<std::string>{"+a n", "+b n", "+c n"}));
    EXPECT_EQ((*registration)->url(), "https://first");
    history.clear();
    registration->reset();
    EXPECT_EQ(history, (std::vector<std::string>{"-c n", "-b n", "-a n"}));
}

TEST(RegistrarSet, LeavesNothingBehindWhenOneFails) {
    std::vector<std::string> history;
    auto set = set_of(std::make_unique<FakeRegistrar>("a", history),
                      std::make_unique<FakeRegistrar>("b", history),
                      std::make_unique<FakeRegistrar>("broken", history, "", false),
                      std::make_unique<FakeRegistrar>("d", history));
    const auto failed = test::run_coroutine(set.register_name(request_for("n"), kNever));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::DiskFull);
    EXPECT_THAT(failed.error().text, testing::HasSubstr("broken: no room"));
    EXPECT_EQ(history, (std::vector<std::string>{"+a n", "+b n", "-b n", "-a n"}));
}

TEST(RegistrarSet, MayBeEmpty) {
    auto set = set_of();
    const auto registration = test::run_coroutine(set.register_name(request_for("n"), kNever));
    ASSERT_TRUE(registration);
    EXPECT_EQ((*registration)->url(), "");
}

RegistrarSet::Member member(std::unique_ptr<FakeRegistrar> registrar, bool optional) {
    return {.registrar = std::move(registrar), .optional = optional};
}

RegistrarSet set_of_two(RegistrarSet::Member first, RegistrarSet::Member second, Logger logger = {},
                        Duration pause = kOptionalPause) {
    std::vector<RegistrarSet::Member> members;
    members.push_back(std::move(first));
    members.push_back(std::move(second));
    return RegistrarSet(std::move(members), std::move(logger), pause);
}

TEST(RegistrarSet, GoesOnWithoutAnOptionalOneThatFails) {
    const test::LogCapture log;
    std::vector<std::string> history;
    auto set = set_of_two(
        member(std::make_unique<FakeRegistrar>("weak", history, "https://weak", false), true),
        member(std::make_unique<FakeRegistrar>("b", history, "https://b"), false), log.logger());
    auto registration = test::run_coroutine(set.register_name(request_for("n"), kNever));
    ASSERT_TRUE(registration);
    EXPECT_EQ((*registration)->url(), "https://b");
    EXPECT_EQ(log.count("weak: no room"), 1U);
    registration->reset();
    EXPECT_EQ(history, (std::vector<std::string>{"+b n", "-b n"}));
}

using Registered = Result<std::unique_ptr<Registration>>;

net::Awaitable<void> keep(net::Awaitable<Registered> work, Registered& into) {
    into = co_await std::move(work);
}

/// A registrar that is not required and does not work, beside one that does.
class OptionalRegistrarTest : public testing::Test {
  protected:
    OptionalRegistrarTest() {
        weak_->works = false;
        set_.emplace(set_of_two({.registrar = std::unique_ptr<Registrar>(weak_), .optional = true},
                                member(std::make_unique<FakeRegistrar>("b", history_), false),
                                log_.logger(), 20ms));
    }

    Registered ask(std::uint64_t generation, std::uint16_t port = 35'185,
                   std::string kind = "http") {
        Request request{.name = "n",
                        .generation = {generation},
                        .kind = std::move(kind),
                        .local_port = port,
                        .port_hold = hold_};
        Registered result;
        test::run_coroutine(context_,
                            keep(set_->register_name(std::move(request), kNever), result));
        return result;
    }

    /// Lets things happen, 10 s at most, until `condition` holds.
    template <class Condition>
    bool eventually(Condition condition) {
        context_.restart();
        const auto end = Clock::now() + 10s;
        while (!condition() && Clock::now() < end) {
            context_.run_one_for(10ms);
        }
        return condition();
    }

    /// Whether nothing goes on any more, after 10 s at most.
    bool comes_to_rest() {
        context_.restart();
        context_.run_for(10s);
        return context_.stopped();
    }

    std::vector<std::string> history_;
    test::LogCapture log_;
    net::asio::io_context context_;
    FakeRegistrar* weak_ = new FakeRegistrar("weak", history_, "https://weak");
    std::optional<RegistrarSet> set_;
    std::shared_ptr<int> hold_ = std::make_shared<int>();
};

TEST_F(OptionalRegistrarTest, IsAskedUntilItHasTheName) {
    auto registration = ask(1);
    ASSERT_TRUE(registration);
    EXPECT_TRUE(eventually([&] { return weak_->asked >= 3; }));
    weak_->works = true;
    EXPECT_TRUE(comes_to_rest());
    EXPECT_EQ(history_, (std::vector<std::string>{"+b n", "+weak n"}));
    EXPECT_EQ((*registration)->url(), "https://weak");
    EXPECT_EQ(log_.count("name 'n' has its optional registrar weak"), 1U);
    registration->reset();
    EXPECT_EQ(history_, (std::vector<std::string>{"+b n", "+weak n", "-weak n", "-b n"}));
    EXPECT_EQ(hold_.use_count(), 1);
}

TEST_F(OptionalRegistrarTest, IsNotAskedForANameThatIsGone) {
    auto registration = ask(1);
    EXPECT_TRUE(eventually([&] { return weak_->asked == 2; }));
    registration->reset();
    EXPECT_TRUE(comes_to_rest());
    EXPECT_EQ(weak_->asked, 2);
    EXPECT_EQ(history_, (std::vector<std::string>{"+b n", "-b n"}));
    EXPECT_EQ(hold_.use_count(), 1);
}

TEST_F(OptionalRegistrarTest, UndoesWhatComesAfterTheEndOfTheName) {
    auto registration = ask(1);
    weak_->hangs = true;
    weak_->works = true;
    EXPECT_TRUE(eventually([&] { return weak_->asked == 2; }));
    registration->reset();
    EXPECT_TRUE(comes_to_rest());
    EXPECT_EQ(std::ranges::count(history_, "+weak n"), std::ranges::count(history_, "-weak n"));
    EXPECT_EQ(hold_.use_count(), 1);
}

TEST_F(OptionalRegistrarTest, ASetThatIsGoneAsksNobody) {
    auto registration = ask(1);
    weak_->works = true;  // whoever asks it now, gets the name
    set_.reset();         // `weak_` is gone, too
    eventually([end = Clock::now() + 100ms] { return Clock::now() > end; });
    EXPECT_EQ(history_, (std::vector<std::string>{"+b n"}));
    registration->reset();
    EXPECT_TRUE(comes_to_rest());
    EXPECT_EQ(history_, (std::vector<std::string>{"+b n", "-b n"}));
}

/// An agent comes back while the disk is full: its route must not go.
TEST_F(OptionalRegistrarTest, KeepsWhatAnOlderGenerationHas) {
    weak_->works = true;
    auto first = ask(1);
    weak_->works = false;
    auto second = ask(2);
    ASSERT_TRUE(first && second);
    history_.clear();
    first->reset();
    EXPECT_EQ(history_, (std::vector<std::string>{"-b n"})) << "nothing of 'weak'";
    auto third = ask(3);
    second->reset();
    EXPECT_EQ((*third)->url(), "https://weak");
    EXPECT_EQ(history_, (std::vector<std::string>{"-b n", "+b n", "-b n"}));
    history_.clear();
    weak_->works = true;
    EXPECT_TRUE(comes_to_rest());
    EXPECT_EQ(history_, (std::vector<std::string>{"+weak n", "-weak n"})) << "in this order";
    third->reset();
    EXPECT_EQ(history_, (std::vector<std::string>{"+weak n", "-weak n", "-weak n", "-b n"}));
}

TEST_F(OptionalRegistrarTest, KeepsNothingThatLeadsElsewhere) {
    weak_->works = true;
    auto first = ask(1);
    auto other_kind = ask(2, 35'185, "tls");
    weak_->works = false;
    auto second = ask(3, 35'186);
    ASSERT_TRUE(first && other_kind && second);
    history_.clear();
    first->reset();
    other_kind->reset();
    EXPECT_EQ(history_, (std::vector<std::string>{"-weak n", "-b n", "-weak n", "-b n"}));
}

TEST(RegistrarSet, AsksOptionalOnesWhenTheOthersHaveIt) {
    std::vector<std::string> history;
    auto set = set_of_two(member(std::make_unique<FakeRegistrar>("extra", history), true),
                          member(std::make_unique<FakeRegistrar>("b", history), false));
    auto registration = test::run_coroutine(set.register_name(request_for("n"), kNever));
    EXPECT_EQ(history, (std::vector<std::string>{"+b n", "+extra n"}));
}

TEST(RegistrarSet, GivesUpOneThatDoesNotAnswerAndUndoesTheRest) {
    std::vector<std::string> history;
    auto slow = std::make_unique<FakeRegistrar>("slow", history);
    slow->hangs = true;
    auto set = set_of(std::make_unique<FakeRegistrar>("a", history), std::move(slow));
    const auto began = Clock::now();
    const auto failed =
        test::run_coroutine(set.register_name(request_for("n"), Clock::now() + 50ms));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::TimedOut);
    EXPECT_LT(Clock::now() - began, 4s);
    EXPECT_EQ(history, (std::vector<std::string>{"+a n", "?slow n", "-a n"}));
}

TEST(RegistrarSet, PublishesWhatEveryRequiredOnePublishes) {
    std::vector<std::string> history;
    for (const bool optional : {false, true}) {
        const test::LogCapture log;
        auto narrow = std::make_unique<FakeRegistrar>("narrow", history);
        narrow->takes_tls = false;
        auto set =
            set_of_two(member(std::move(narrow), optional),
                       member(std::make_unique<FakeRegistrar>("b", history), false), log.logger());
        EXPECT_TRUE(set.publishes("http"));
        EXPECT_EQ(set.publishes("tls"), optional);
        history.clear();
        auto request = request_for("n");
        request.kind = "tls";
        auto registration = test::run_coroutine(set.register_name(std::move(request), kNever));
        ASSERT_TRUE(registration);
        EXPECT_EQ(history.size(), optional ? 1U : 2U) << "an optional one is not asked for it";
        EXPECT_EQ(log.count("narrow: kind 'tls' is not published there"), optional ? 1U : 0U);
    }
}

TEST(RegistrarSet, HasOneRegistrationForANameAndGeneration) {
    std::vector<std::string> history;
    auto set = set_of(std::make_unique<FakeRegistrar>("a", history));
    auto first = test::run_coroutine(set.register_name(request_for("n"), kNever));
    ASSERT_TRUE(first);
    const auto second = test::run_coroutine(set.register_name(request_for("n"), kNever));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::Internal);
    auto newer = request_for("n");
    newer.generation = {8};
    EXPECT_TRUE(test::run_coroutine(set.register_name(std::move(newer), kNever)));
    first->reset();
    EXPECT_TRUE(test::run_coroutine(set.register_name(request_for("n"), kNever)));
}

}  // namespace
}  // namespace diglett::registrar
