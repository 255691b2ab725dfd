#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registrar/log_registrar.hpp"
#include "registrar/registrar_set.hpp"
#include "test/support/log_capture.hpp"
#include "test/support/run_coroutine.hpp"

namespace diglett::registrar {
namespace {

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

TEST(LogRegistrar, TellsOfAnyKind) {
    LogRegistrar registrar{Logger()};
    EXPECT_TRUE(registrar.publishes("http"));
    EXPECT_TRUE(registrar.publishes("tls"));
}

/// Writes what it does into a history.
class FakeRegistrar final : public Registrar {
  public:
    FakeRegistrar(std::string name, std::vector<std::string>& history, std::string url = {},
                  bool works = true)
        : name_(std::move(name)), history_(history), url_(std::move(url)), works_(works) {}

    std::string_view name() const override { return name_; }

    net::Awaitable<Result<std::unique_ptr<Registration>>> register_name(Request request,
                                                                        TimePoint) override {
        if (!works_) {
            co_return fail(Errc::DiskFull, "no room");
        }
        history_.push_back("+" + name_ + " " + request.name);
        co_return std::make_unique<Handle>(*this, request.name);
    }

  private:
    class Handle final : public Registration {
      public:
        Handle(FakeRegistrar& owner, std::string name) : owner_(owner), name_(std::move(name)) {}

        ~Handle() override { owner_.history_.push_back("-" + owner_.name_ + " " + name_); }

        std::string url() const override { return owner_.url_; }

      private:
        FakeRegistrar& owner_;
        std::string name_;
    };

    std::string name_;
    std::vector<std::string>& history_;
    std::string url_;
    bool works_;
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

}  // namespace
}  // namespace diglett::registrar
